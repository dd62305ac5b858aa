(** Inner products of decomposed operands: the error of the data and the error of the sum. *)

From Flocq Require Import Plus_error.
From Msdnum Require Import InnerProduct.

(** * The error of the data *)

(** Componentwise: A is decomposed with error at most da, the weights with error at most db. *)
Theorem data_error da a a' db b b' :
  close da a a' -> close db b b' ->
  Rabs (dot a b - dot a' b') <= dot da (magnitudes b) + dot (magnitudes a') db.
Proof. intros A B; now apply data_error_bound. Qed.

(** * The error of the sum: any order, a relative error u per operation, and h per product *)

Section Rounding.

Variables (F : R -> Prop) (rnd : R -> R) (u h : R).
Hypothesis Hu : 0 <= u.
Hypothesis Hh : 0 <= h.
Hypothesis Hrnd : forall x, Rabs (rnd x - x) <= u * Rabs x + h.
Hypothesis Frnd : forall x, F (rnd x).
(* The sum of two numbers of the format does not underflow. *)
Hypothesis Hsum : forall x y, F x -> F y -> Rabs (rnd (x + y) - (x + y)) <= u * Rabs (x + y).

(** What is added is a number of the format: an input that is one, or a result. *)
Definition addend (t : schedule R) : Prop :=
  match t with
  | Exact x => F x
  | _ => True
  end.

Fixpoint representable (t : schedule R) : Prop :=
  match t with
  | Exact _ => True
  | Add l r => (addend l /\ addend r) /\ representable l /\ representable r
  | Scale _ t => representable t
  end.

(** How much of the absolute error h reaches the result. *)
Fixpoint underflows (t : schedule R) : R :=
  match t with
  | Exact _ => 0
  | Add l r => underflows l + underflows r
  | Scale c t => Rabs c * underflows t + 1
  end.

Lemma underflows_pos t : 0 <= underflows t.
Proof.
  induction t as [x | l L r R | c t T]; simpl; [lra | lra |].
  assert (H := Rmult_le_pos _ _ (Rabs_pos c) T); lra.
Qed.

Definition error_bound (d : nat) (t : schedule R) : R :=
  ((1 + u) ^ d - 1) * magnitude t + h * underflows t * (1 + u) ^ d.

Lemma power_ge_1 d : 1 <= (1 + u) ^ d.
Proof. apply pow_R1_Rle; lra. Qed.

Lemma error_bound_le d e t : (d <= e)%nat -> error_bound d t <= error_bound e t.
Proof.
  intros H; assert (P : (1 + u) ^ d <= (1 + u) ^ e) by (apply Rle_pow; [lra | exact H]).
  unfold error_bound; apply Rplus_le_compat.
  - apply Rmult_le_compat_r; [apply magnitude_pos | lra].
  - apply Rmult_le_compat_l; [apply Rmult_le_pos; [exact Hh | apply underflows_pos] | exact P].
Qed.

(* One rounding, with absolute error g, of a v' that is within e of a v of magnitude at most m. *)
Lemma one_rounding g v v' m e :
  Rabs (rnd v' - v') <= u * Rabs v' + g ->
  Rabs v <= m -> Rabs (v' - v) <= e -> Rabs (rnd v' - v) <= (1 + u) * e + u * m + g.
Proof.
  intros R Hm He.
  assert (V : Rabs v' <= m + e).
  { replace v' with (v + (v' - v)) by ring; apply Rle_trans with (1 := Rabs_triang _ _); lra. }
  replace (rnd v' - v) with (rnd v' - v' + (v' - v)) by ring.
  apply Rle_trans with (1 := Rabs_triang _ _).
  assert (u * Rabs v' <= u * (m + e)) by (apply Rmult_le_compat_l; assumption); lra.
Qed.

Lemma computed_addend t : addend t -> F (computed rnd t).
Proof. destruct t; simpl; [easy | intros _; apply Frnd | intros _; apply Frnd]. Qed.

Theorem sum_error t :
  representable t -> Rabs (computed rnd t - value t) <= error_bound (depth t) t.
Proof.
  induction t as [x | l L r R | c t T]; simpl computed; simpl value; simpl representable.
  - intros _; unfold error_bound; simpl; rewrite Rminus_diag_eq, Rabs_R0 by reflexivity; lra.
  - intros [[Al Ar] [Fl Fr]]; set (d := max (depth l) (depth r)).
    assert (L' := error_bound_le _ d l (Nat.le_max_l _ _)).
    assert (R' := error_bound_le _ d r (Nat.le_max_r _ _)).
    specialize (L Fl); specialize (R Fr).
    apply Rle_trans with ((1 + u) * (error_bound d l + error_bound d r)
                          + u * (magnitude l + magnitude r) + 0).
    + apply one_rounding.
      * rewrite Rplus_0_r; apply Hsum; now apply computed_addend.
      * apply Rle_trans with (1 := Rabs_triang _ _).
        assert (A := value_magnitude l); assert (B := value_magnitude r); lra.
      * replace (_ - _) with ((computed rnd l - value l) + (computed rnd r - value r)) by ring.
        apply Rle_trans with (1 := Rabs_triang _ _); lra.
    + unfold error_bound; simpl depth; fold d; simpl; lra.
  - intros Ft; specialize (T Ft).
    apply Rle_trans with ((1 + u) * (Rabs c * error_bound (depth t) t)
                          + u * (Rabs c * magnitude t) + h).
    + apply one_rounding; [apply Hrnd | |].
      * rewrite Rabs_mult; apply Rmult_le_compat_l; [apply Rabs_pos | apply value_magnitude].
      * rewrite <- Rmult_minus_distr_l, Rabs_mult; apply Rmult_le_compat_l; [apply Rabs_pos | exact T].
    + assert (P := power_ge_1 (S (depth t))); unfold error_bound; simpl in P |- *.
      assert (h * 1 <= h * ((1 + u) * (1 + u) ^ depth t)) by (apply Rmult_le_compat_l; assumption).
      lra.
Qed.

End Rounding.

(** * gamma *)

Definition gamma (n : nat) (u : R) : R := INR n * u / (1 - INR n * u).

Theorem power_gamma n u : 0 <= u -> INR n * u < 1 -> (1 + u) ^ n - 1 <= gamma n u.
Proof.
  intros Hu Hn.
  assert (P : (1 + u) ^ n * (1 - INR n * u) <= 1).
  { clear Hn; induction n as [|n IH]; [simpl; lra|]; rewrite S_INR; simpl pow.
    apply Rle_trans with (2 := IH).
    replace ((1 + u) * _ * _) with ((1 + u) ^ n * ((1 + u) * (1 - (INR n + 1) * u))) by ring.
    apply Rmult_le_compat_l; [apply pow_le; lra|].
    assert (0 <= INR n) by apply pos_INR; assert (0 <= INR n * (u * u)) by (apply Rmult_le_pos; nra).
    nra. }
  unfold gamma; apply Rmult_le_reg_r with (1 - INR n * u); [lra|].
  unfold Rdiv; rewrite Rmult_assoc, Rinv_l; lra.
Qed.

(** * binary32 *)

Definition u32 := pow2 (-24).
Definition h32 := pow2 (-149) / 2.

Lemma binary32_error x : Rabs (binary32 x - x) <= u32 * Rabs x + h32.
Proof.
  apply Rle_trans with (1 := nearest_relative (-149) 24 _ eq_refl x).
  change (pow2 (- (24))) with u32; unfold h32.
  assert (U : 0 < u32) by apply bpow_gt_0; assert (H := bpow_gt_0 radix2 (-149)).
  assert (A := Rabs_pos x).
  apply Rmax_lub; [|assert (0 <= u32 * Rabs x) by (apply Rmult_le_pos; lra); lra].
  apply Rle_trans with (u32 * Rabs x); [|lra].
  apply Rmult_le_compat_r; [exact A|].
  apply Rmult_le_reg_r with (1 + u32); [lra|]; unfold Rdiv; rewrite Rmult_assoc, Rinv_l by lra.
  assert (0 <= u32 * u32) by (apply Rmult_le_pos; lra); lra.
Qed.

Lemma binary32_sum x y :
  is_binary32 x -> is_binary32 y ->
  Rabs (binary32 (x + y) - (x + y)) <= u32 * Rabs (x + y).
Proof.
  intros Fx Fy; assert (P : Prec_gt_0 24) by reflexivity.
  destruct (FLT_plus_error_N_ex radix2 (-149) 24 (fun z => negb (Z.even z)) x y Fx Fy) as (d & D & E).
  unfold binary32, binary; rewrite E; replace ((x + y) * (1 + d) - (x + y)) with (d * (x + y)) by ring.
  rewrite Rabs_mult; apply Rmult_le_compat_r; [apply Rabs_pos|].
  apply Rle_trans with (1 := D); unfold u_ro, u32; simpl; lra.
Qed.

Lemma binary32_representable x : is_binary32 (binary32 x).
Proof.
  assert (P : Prec_gt_0 24) by reflexivity.
  apply generic_format_round; auto with typeclass_instances.
Qed.

(** Any order of binary32 operations. *)
Theorem binary32_sum_error t (d := depth t) :
  representable is_binary32 t -> INR d * u32 < 1 ->
  Rabs (computed binary32 t - value t) <=
    gamma d u32 * magnitude t + h32 * underflows t * (1 + gamma d u32).
Proof.
  intros F D.
  assert (U : 0 < u32) by apply bpow_gt_0.
  assert (H : 0 < h32) by (assert (P := bpow_gt_0 radix2 (-149)); unfold h32; lra).
  assert (G := power_gamma d u32 (Rlt_le _ _ U) D).
  apply Rle_trans with (1 := sum_error is_binary32 binary32 u32 h32 (Rlt_le _ _ U) (Rlt_le _ _ H)
    binary32_error binary32_representable binary32_sum t F).
  unfold error_bound; fold d; apply Rplus_le_compat.
  - apply Rmult_le_compat_r; [apply magnitude_pos | exact G].
  - apply Rmult_le_compat_l; [|lra]; apply Rmult_le_pos; [lra | apply underflows_pos].
Qed.

(** Decomposed operands and binary32 operations: data error plus rounding error. *)
Theorem forward_error da a a' db b b' t (d := depth t) :
  close da a a' -> close db b b' -> value t = dot a' b' ->
  representable is_binary32 t -> INR d * u32 < 1 ->
  Rabs (computed binary32 t - dot a b) <=
    dot da (magnitudes b) + dot (magnitudes a') db
    + gamma d u32 * magnitude t + h32 * underflows t * (1 + gamma d u32).
Proof.
  intros A B V F D; assert (E := binary32_sum_error t F D).
  assert (X := data_error da a a' db b b' A B); rewrite Rabs_minus_sym, <- V in X.
  replace (computed binary32 t - dot a b)
    with ((computed binary32 t - value t) + (value t - dot a b)) by ring.
  apply Rle_trans with (1 := Rabs_triang _ _); fold d in E; lra.
Qed.

(** The magnitudes summed: term i is r_(i-1) - r_i, so all terms together are at most
    |x| + 2 (|r_1| + ... + |r_(n-1)|) + |r_n|. *)
Fixpoint terms_of (x : R) (remainders : list R) : list R :=
  match remainders with
  | [] => []
  | r :: rs => (x - r) :: terms_of r rs
  end.

Theorem terms_magnitude x rs r :
  sum (magnitudes (terms_of x (rs ++ [r]))) <= Rabs x + 2 * sum (magnitudes rs) + Rabs r.
Proof.
  assert (T : forall a b, Rabs (a - b) <= Rabs a + Rabs b).
  { intros a b; unfold Rminus; rewrite <- (Rabs_Ropp b); apply Rabs_triang. }
  revert x; induction rs as [|q rs IH]; intros x.
  - specialize (T x r); simpl; lra.
  - specialize (T x q); specialize (IH q).
    change (Rabs (x - q) + sum (magnitudes (terms_of q (rs ++ [r])))
      <= Rabs x + 2 * (Rabs q + sum (magnitudes rs)) + Rabs r); lra.
Qed.

(** * Stated orders *)

Fixpoint products (a b : list R) : list R :=
  match a, b with
  | x :: a, y :: b => x * y :: products a b
  | _, _ => []
  end.

(** One product after the other, from the first; the first needs no rounding. *)
Definition sequential (ps : list R) : schedule R :=
  match ps with
  | [] => Exact 0
  | p :: ps => fold_left (fun t p => Add t (Exact p)) ps (Exact p)
  end.

Lemma fold_schedule ps t (r := fold_left (fun t p => Add t (Exact p)) ps t) :
  value r = value t + sum ps /\ magnitude r = magnitude t + sum (magnitudes ps) /\
  depth r = (depth t + length ps)%nat /\ underflows r = underflows t /\
  (addend is_binary32 t -> representable is_binary32 t -> Forall is_binary32 ps ->
   representable is_binary32 r).
Proof.
  unfold r; clear r; revert t; induction ps as [|p ps IH]; intros t.
  { simpl; rewrite !Rplus_0_r, Nat.add_0_r; now repeat split. }
  cbn [fold_left length magnitudes map sum fold_right].
  destruct (IH (Add t (Exact p))) as [V [M [D [U F]]]].
  rewrite V, M, D, U; cbn [value magnitude depth underflows].
  repeat split; [ring | unfold magnitudes; unfold sum; ring | lia | ring |].
  intros At Ft Fp; inversion Fp; subst; now apply F.
Qed.

Lemma sum_products a b : sum (products a b) = dot a b.
Proof.
  revert b; induction a as [|x a IH]; intros [|y b]; try reflexivity.
  cbn [products dot sum fold_right]; now rewrite <- IH.
Qed.

Lemma magnitudes_products a b :
  magnitudes (products a b) = products (magnitudes a) (magnitudes b).
Proof.
  revert b; induction a as [|x a IH]; intros [|y b]; try reflexivity.
  cbn [products magnitudes map]; now rewrite Rabs_mult, <- IH.
Qed.

(** The inner product of exact products, summed one after the other: n products, n - 1 roundings.
    Nothing underflows. *)
Theorem inner_product_error da a a' db b b' (n := Nat.pred (length (products a' b'))) :
  close da a a' -> close db b b' -> Forall is_binary32 (products a' b') -> INR n * u32 < 1 ->
  Rabs (computed binary32 (sequential (products a' b')) - dot a b) <=
    dot da (magnitudes b) + dot (magnitudes a') db
    + gamma n u32 * dot (magnitudes a') (magnitudes b').
Proof.
  intros A B F N; set (t := sequential (products a' b')).
  assert (T : value t = dot a' b' /\ magnitude t = dot (magnitudes a') (magnitudes b') /\
              depth t = n /\ underflows t = 0 /\ representable is_binary32 t).
  { rewrite <- !sum_products, <- magnitudes_products; unfold t, n.
    destruct (products a' b') as [|p ps]; simpl sequential.
    - simpl; rewrite Rabs_R0; now repeat split.
    - inversion F as [|p' ps' Fp Fps]; subst.
      destruct (fold_schedule ps (Exact p)) as [V [M [D [U R]]]]; rewrite V, M, D, U; simpl.
      repeat split; now apply R. }
  destruct T as [V [M [D [U R]]]]; rewrite <- M, <- D.
  rewrite <- (Rplus_0_r (_ + gamma _ _ * _)).
  replace 0 with (h32 * underflows t * (1 + gamma (depth t) u32)) by (rewrite U; ring).
  apply (forward_error da a a' db b b' t); try assumption; now rewrite D.
Qed.

(** Two integer passes: C1 and C2 exact in int32, converted, scaled twice and added in binary32. *)
Definition two_passes (s1 s2 w C1 C2 : R) : schedule R :=
  Add (Scale w (Scale s1 (Scale 1 (Exact C1)))) (Scale w (Scale s2 (Scale 1 (Exact C2)))).

Theorem two_passes_error s1 s2 w C1 C2 :
  Rabs (computed binary32 (two_passes s1 s2 w C1 C2) - w * (s1 * C1 + s2 * C2)) <=
    gamma 4 u32 * (Rabs w * (Rabs s1 * Rabs C1 + Rabs s2 * Rabs C2))
    + h32 * (2 + Rabs w * (2 + Rabs s1 + Rabs s2)) * (1 + gamma 4 u32).
Proof.
  set (t := two_passes s1 s2 w C1 C2).
  assert (F : representable is_binary32 t) by (simpl; tauto).
  assert (N : INR (depth t) * u32 < 1) by (unfold u32; simpl; lra).
  assert (E := binary32_sum_error t F N).
  replace (value t) with (w * (s1 * C1 + s2 * C2)) in E by (simpl; ring).
  replace (magnitude t) with (Rabs w * (Rabs s1 * Rabs C1 + Rabs s2 * Rabs C2)) in E
    by (simpl; rewrite Rabs_R1; ring).
  replace (underflows t) with (2 + Rabs w * (2 + Rabs s1 + Rabs s2)) in E
    by (simpl; rewrite Rabs_R1; ring).
  exact E.
Qed.

(** * A truncating matrix unit *)

Lemma truncated_error q x : 0 < q -> Rabs (truncated q x - x) <= q.
Proof.
  intros Q; unfold truncated; set (y := x / q).
  replace (q * IZR (Ztrunc y) - x) with (q * (IZR (Ztrunc y) - y)) by (unfold y; field; lra).
  rewrite Rabs_mult, (Rabs_pos_eq q) by lra.
  rewrite <- (Rmult_1_r q) at 2; apply Rmult_le_compat_l; [lra|].
  unfold Ztrunc; case Rlt_bool_spec; intros H.
  - assert (A := Zceil_ub y); assert (B := Zceil_lb y); apply Rabs_le; lra.
  - assert (A := Zfloor_ub y); assert (B := Zfloor_lb y); apply Rabs_le; lra.
Qed.

Lemma truncated_magnitude q x : 0 < q -> Rabs (truncated q x) <= Rabs x.
Proof.
  intros Q; unfold truncated; set (y := x / q).
  replace x with (q * y) by (unfold y; field; lra).
  rewrite 2!Rabs_mult; apply Rmult_le_compat_l; [apply Rabs_pos|].
  unfold Ztrunc; case Rlt_bool_spec; intros H.
  - assert (A := Zceil_ub y); assert (B := Zceil_glb 0 y).
    assert (C : (Zceil y <= 0)%Z) by (apply Zceil_glb; simpl; lra).
    apply IZR_le in C; rewrite !Rabs_left1; lra.
  - assert (A := Zfloor_lb y).
    assert (C : (0 <= Zfloor y)%Z) by (apply Zfloor_lub; simpl; lra).
    apply IZR_le in C; rewrite !Rabs_pos_eq; lra.
Qed.

(** Every addend truncated to a multiple of q, the sum of n exact. *)
Lemma aligned_error q xs : 0 < q ->
  Rabs (sum (map (truncated q) xs) - sum xs) <= INR (length xs) * q /\
  Rabs (sum (map (truncated q) xs)) <= sum (magnitudes xs).
Proof.
  intros Q; induction xs as [|x xs [E M]].
  { simpl; rewrite Rminus_diag_eq, Rabs_R0 by reflexivity; lra. }
  change (length (x :: xs)) with (S (length xs)); rewrite S_INR; simpl; fold sum in *; split.
  - replace (_ - _) with ((truncated q x - x) + (sum (map (truncated q) xs) - sum xs)) by ring.
    apply Rle_trans with (1 := Rabs_triang _ _); assert (T := truncated_error q x Q); lra.
  - apply Rle_trans with (1 := Rabs_triang _ _); assert (T := truncated_magnitude q x Q).
    unfold magnitudes in *; lra.
Qed.

Lemma result_error r x : (0 < r)%Z ->
  Rabs (result r x - x) <= pow2 (- r) * Rmax (pow2 (-126)) (Rabs x).
Proof.
  intros P; assert (V : Prec_gt_0 (r + 1)) by (unfold Prec_gt_0; lia).
  apply Rle_trans with (ulp radix2 (FLT_exp (-126 - r) (r + 1)) x).
  { apply error_le_ulp; auto with typeclass_instances. }
  assert (B := bpow_gt_0 radix2 (- r)).
  destruct (Rle_or_lt (pow2 (-126)) (Rabs x)) as [H | H].
  - apply Rle_trans with (Rabs x * pow2 (1 - (r + 1))).
    + apply ulp_FLT_le; now replace (-126 - r + (r + 1) - 1)%Z with (-126)%Z by lia.
    + replace (1 - (r + 1))%Z with (- r)%Z by lia; rewrite Rmult_comm.
      apply Rmult_le_compat_l; [lra | apply Rmax_r].
  - rewrite ulp_FLT_small; [| exact V |].
    + replace (-126 - r)%Z with (- r + -126)%Z by lia; rewrite bpow_plus.
      apply Rmult_le_compat_l; [lra | apply Rmax_l].
    + apply Rlt_trans with (1 := H); apply bpow_lt; lia.
Qed.

Section MatrixUnit.

Variables (group : nat) (f r : Z).
Hypothesis Hr : (0 < r)%Z.

(** One step errs by this of the magnitudes that it adds. *)
Definition step_error : R := (INR group + 1) * pow2 (- f) + pow2 (- r).

Lemma step_error_pos : 0 <= step_error.
Proof.
  assert (A := bpow_gt_0 radix2 (- f)); assert (B := bpow_gt_0 radix2 (- r)).
  assert (C := pos_INR group); unfold step_error.
  assert (0 <= (INR group + 1) * pow2 (- f)) by (apply Rmult_le_pos; lra); lra.
Qed.

(** [steps d c v m]: after d steps the accumulator is c, the exact sum v, the magnitudes m. A
    product counts with at least the power of two that it is aligned to. *)
Inductive steps : nat -> R -> R -> R -> Prop :=
  | Start : steps 0 0 0 0
  | Step d c v m e ps n :
      steps d c v m -> (length ps <= group)%nat -> sum (magnitudes ps) <= n ->
      pow2 (-126) <= m + n -> pow2 e <= Rmax (pow2 (-126)) (Rabs c + n) ->
      steps (S d) (result r (sum (map (truncated (pow2 (e - f))) (c :: ps))))
        (v + sum ps) (m + n).

Lemma one_step c e ps n M :
  (length ps <= group)%nat -> sum (magnitudes ps) <= n ->
  pow2 (-126) <= M -> Rabs c + n <= M -> pow2 e <= M ->
  Rabs (result r (sum (map (truncated (pow2 (e - f))) (c :: ps))) - (c + sum ps))
    <= step_error * M.
Proof.
  intros L N T C E; set (q := pow2 (e - f)); set (s := sum (map (truncated q) (c :: ps))).
  assert (Q : 0 < q) by apply bpow_gt_0.
  destruct (aligned_error q (c :: ps) Q) as [A B]; fold s in A, B.
  change (sum (c :: ps)) with (c + sum ps) in A.
  change (sum (magnitudes (c :: ps))) with (Rabs c + sum (magnitudes ps)) in B.
  change (length (c :: ps)) with (S (length ps)) in A; rewrite S_INR in A.
  assert (D := result_error r s Hr).
  assert (F : pow2 (- r) * Rmax (pow2 (-126)) (Rabs s) <= pow2 (- r) * M).
  { apply Rmult_le_compat_l; [apply bpow_ge_0 | apply Rmax_lub; lra]. }
  assert (G : (INR (length ps) + 1) * q <= (INR group + 1) * pow2 (- f) * M).
  { rewrite Rmult_assoc; apply Rmult_le_compat; [| lra | apply le_INR in L; lra |].
    - assert (H := pos_INR (length ps)); lra.
    - unfold q; replace (e - f)%Z with (- f + e)%Z by lia; rewrite bpow_plus.
      apply Rmult_le_compat_l; [apply bpow_ge_0 | exact E]. }
  replace (result r s - (c + sum ps)) with ((result r s - s) + (s - (c + sum ps))) by ring.
  apply Rle_trans with (1 := Rabs_triang _ _); unfold step_error; lra.
Qed.

Lemma steps_magnitude d c v m : steps d c v m -> Rabs v <= m.
Proof.
  induction 1 as [| d c v m e ps n _ IH _ N _ _]; [rewrite Rabs_R0; lra|].
  apply Rle_trans with (1 := Rabs_triang _ _).
  assert (Rabs (sum ps) <= sum (magnitudes ps)); [|lra].
  clear N; induction ps as [|p ps P]; simpl; [rewrite Rabs_R0; lra|].
  apply Rle_trans with (1 := Rabs_triang _ _); unfold magnitudes in *; lra.
Qed.

Theorem matrix_unit_power d c v m :
  steps d c v m -> Rabs (c - v) <= ((1 + step_error) ^ d - 1) * m.
Proof.
  assert (W := step_error_pos).
  induction 1 as [| d c v m e ps n H IH L N T E].
  { simpl; rewrite Rminus_diag_eq, Rabs_R0 by reflexivity; lra. }
  assert (V := steps_magnitude _ _ _ _ H).
  assert (P : 1 <= (1 + step_error) ^ d) by (apply pow_R1_Rle; lra).
  assert (N0 : 0 <= n).
  { apply Rle_trans with (2 := N); clear; induction ps as [|p ps P]; simpl; [lra|].
    assert (A := Rabs_pos p); unfold magnitudes in *; lra. }
  set (g := (1 + step_error) ^ d) in *; set (M := g * (m + n)).
  assert (G : (g - 1) * m <= (g - 1) * (m + n)) by (apply Rmult_le_compat_l; lra).
  assert (C : Rabs c <= m + (g - 1) * m).
  { replace c with (v + (c - v)) by ring; apply Rle_trans with (1 := Rabs_triang _ _); lra. }
  assert (B : 0 < pow2 (-126)) by apply bpow_gt_0.
  assert (K : m + n <= M).
  { unfold M; rewrite <- (Rmult_1_l (m + n)) at 1; apply Rmult_le_compat_r; lra. }
  assert (S1 : Rabs c + n <= M) by (unfold M; lra).
  assert (E' : pow2 e <= M) by (apply Rle_trans with (1 := E); apply Rmax_lub; lra).
  assert (O := one_step c e ps n M L N (Rle_trans _ _ _ T K) S1 E').
  set (c' := result r _) in *.
  replace (c' - (v + sum ps)) with ((c' - (c + sum ps)) + (c - v)) by ring.
  apply Rle_trans with (1 := Rabs_triang _ _).
  change ((1 + step_error) ^ S d) with ((1 + step_error) * g); unfold M in O; lra.
Qed.

(** Theorem gemm's bound with a unit roundoff of the unit's own. *)
Theorem matrix_unit_error d c v m :
  steps d c v m -> INR d * step_error < 1 -> Rabs (c - v) <= gamma d step_error * m.
Proof.
  intros H D; apply Rle_trans with (1 := matrix_unit_power d c v m H).
  apply Rmult_le_compat_r; [| exact (power_gamma d step_error step_error_pos D)].
  apply Rle_trans with (2 := steps_magnitude d c v m H); apply Rabs_pos.
Qed.

End MatrixUnit.
