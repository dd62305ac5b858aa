(** Inner products of decomposed operands: the error of the data and the error of the sum. *)

From Flocq Require Import Plus_error.
From Msdnum Require Import Executable.

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

(** * A whole entry: terms, sums of any kind, scales, underflow and overflow *)

(** ** Roundings of hardware are roundings of a tree *)

(** binary32: any result; and a sum of two numbers, which does not underflow. *)
Lemma rounds_binary32 W t y a z :
  proper t -> computes W t y a -> unless_overflow W (binary32 y) z ->
  computes W (Rounded u32 h32 t) z (Rabs z).
Proof.
  intros P C; apply rounds with (1 := P) (2 := C).
  apply Rle_trans with (1 := binary32_error y), Rplus_le_compat_r, Rmult_le_compat_l.
  - apply bpow_ge_0.
  - now apply computes_magnitude with (2 := C).
Qed.

Lemma adds_binary32 W l r x y a b z :
  proper l -> proper r -> computes W l x a -> computes W r y b -> is_binary32 x -> is_binary32 y ->
  unless_overflow W (binary32 (x + y)) z ->
  computes W (Rounded u32 0 (Plus l r)) z (Rabs z).
Proof.
  intros Pl Pr L R X Y; assert (C := computes_plus W l r x y a b L R).
  apply rounds with (1 := conj Pl Pr : proper (Plus l r)) (2 := C); rewrite Rplus_0_r.
  apply Rle_trans with (1 := binary32_sum x y X Y), Rmult_le_compat_l; [apply bpow_ge_0|].
  now apply computes_magnitude with (2 := C).
Qed.

Lemma u32_pos : 0 < u32.
Proof. apply bpow_gt_0. Qed.

Lemma h32_pos : 0 < h32.
Proof. assert (B := bpow_gt_0 radix2 (-149)); unfold h32; lra. Qed.

(** A product of at most 24 significant bits is exact unless it is subnormal. *)
Lemma product_binary32 W x m z :
  generic_format radix2 (FLX_exp 24) x -> Rabs x <= m -> unless_overflow W (binary32 x) z ->
  computes W (Rounded 0 h32 (Input x m)) z (Rabs z).
Proof.
  intros F M; assert (P : Prec_gt_0 24) by reflexivity.
  apply rounds with (1 := M : proper (Input x m)) (2 := computes_input W x m).
  rewrite Rmult_0_l, Rplus_0_l.
  destruct (Rle_or_lt (pow2 (-126)) (Rabs x)) as [N | N].
  - unfold binary32, binary; rewrite round_generic; [| auto with typeclass_instances |].
    + rewrite Rminus_diag_eq, Rabs_R0 by reflexivity; apply Rlt_le, h32_pos.
    + apply generic_format_FLT_FLX; [exact N | exact F].
  - apply Rle_trans with (pow2 (-126 - 24 - 1 + 1)); [|right; unfold h32; simpl; lra].
    apply Rle_trans with (pow2 (-125 - 24 - 1)); [|apply bpow_le; lia].
    apply (nearest_error (-149) 24 _ eq_refl (-125)); [lia|].
    left; apply Rlt_trans with (1 := N), bpow_lt; lia.
Qed.

(** A scale that is rounded itself, to c', before it multiplies a result. *)
Lemma rounded_scale W t y a c c' u :
  proper t -> computes W t y a -> c <> 0 -> Rabs (c' - c) <= u * Rabs c ->
  computes W (Times c (Rounded u 0 t)) (c' * y) (Rabs (c' * y)).
Proof.
  intros P C N D; set (z := c' / c * y).
  replace (c' * y) with (c * z) by (unfold z; field; exact N); rewrite Rabs_mult.
  apply computes_times, computes_rounded with (1 := C); intros _; rewrite Rplus_0_r.
  replace (z - y) with ((c' - c) / c * y) by (unfold z; field; exact N); rewrite Rabs_mult.
  apply Rmult_le_compat; try apply Rabs_pos; [|now apply computes_magnitude with (2 := C)].
  unfold Rdiv; rewrite Rabs_mult, Rabs_inv; apply Rmult_le_reg_r with (Rabs c).
  { now apply Rabs_pos_lt. }
  rewrite Rmult_assoc, Rinv_l, Rmult_1_r by (now apply Rabs_no_R0); exact D.
Qed.

(** Products, each with the magnitude that it counts with, added to c exactly. *)
Definition added (c : tree) (ps : list (R * R)) : tree :=
  fold_right (fun p t => Plus (Input (fst p) (snd p)) t) c ps.

Definition at_least (ps : list (R * R)) : Prop := Forall (fun p => Rabs (fst p) <= snd p) ps.

Lemma computes_added W c ps y a :
  computes W c y a -> computes W (added c ps) (sum (map fst ps) + y) (sum (map snd ps) + a).
Proof.
  intros C; induction ps as [|[p m] ps IH]; simpl; [now rewrite !Rplus_0_l|].
  rewrite !Rplus_assoc; apply computes_plus; [constructor | exact IH].
Qed.

Lemma added_counts ps c :
  at_least ps -> proper c ->
  proper (added c ps) /\ exact_value (added c ps) = exact_value c + sum (map fst ps) /\
  counted (added c ps) = counted c + sum (map snd ps) /\
  growth (added c ps) = growth c /\ absolute (added c ps) = absolute c.
Proof.
  intros L P; induction L as [|p ps Hp L IH]; simpl; [repeat split; try lra; exact P|].
  destruct IH as [IP [IE [IC [IG IU]]]]; rewrite IE, IC, IG, IU.
  repeat split; try lra; try assumption; apply Rmax_right, growth_ge_1, P.
Qed.

(** A step of a unit that adds products to its accumulator c, and several steps. *)
Definition unit_step (v h : R) (c : tree) (ps : list (R * R)) : tree := Rounded v h (added c ps).
Definition unit_sum (v h : R) (groups : list (list (R * R))) : tree :=
  fold_left (unit_step v h) groups (Input 0 0).

Theorem unit_sum_counts v h groups (n := length groups) (t := unit_sum v h groups) :
  0 <= v -> 0 <= h -> Forall at_least groups ->
  proper t /\ exact_value t = sum (map (fun ps => sum (map fst ps)) groups) /\
  counted t = sum (map (fun ps => sum (map snd ps)) groups) /\
  growth t = (1 + v) ^ n /\ absolute t = INR n * h.
Proof.
  intros V B L; unfold t, n, unit_sum.
  enough (K : forall c, proper c -> let t := fold_left (unit_step v h) groups c in
    proper t /\ exact_value t = exact_value c + sum (map (fun ps => sum (map fst ps)) groups) /\
    counted t = counted c + sum (map (fun ps => sum (map snd ps)) groups) /\
    growth t = growth c * (1 + v) ^ length groups /\
    absolute t = absolute c + INR (length groups) * h).
  { destruct (K (Input 0 0)) as [A [E [C [G U]]]]; simpl; [rewrite Rabs_R0; lra|].
    rewrite E, C, G, U; simpl; repeat split; try lra; exact A. }
  induction L as [|ps groups Hp L IH]; intros c P.
  { cbn; repeat split; try lra; exact P. }
  destruct (added_counts ps c Hp P) as [HP [HE [HC [HG HU]]]].
  cbn [fold_left length map]; destruct (IH (unit_step v h c ps)) as [A [E [C [G U]]]].
  { simpl; repeat split; [exact V | exact B | exact HP]. }
  rewrite E, C, G, U; cbn [exact_value counted growth absolute unit_step]; unfold unit_step; simpl.
  rewrite HE, HC, HG, HU; fold sum; repeat split; try exact A; try ring.
  destruct (length groups); simpl; ring.
Qed.

(** A fused unit rounds the exact sum to binary32. *)
Theorem fused_unit_step W c y a ps z :
  proper c -> computes W c y a -> at_least ps ->
  unless_overflow W (binary32 (sum (map fst ps) + y)) z ->
  computes W (unit_step u32 h32 c ps) z (Rabs z).
Proof.
  intros P C L; apply rounds_binary32 with (sum (map snd ps) + a); [now apply added_counts|].
  now apply computes_added.
Qed.

(** A truncating unit: accumulator and products aligned to 2^e, truncated, added, truncated again.
    Underflow is in h, so nothing is assumed of what was summed before. *)
Theorem matrix_unit_step (group : nat) (f r : Z) W c y a ps e (v := step_error group f r)
    (x := result r (sum (map (truncated (pow2 (e - f))) (y :: map fst ps)))) z :
  (0 < r)%Z -> proper c -> computes W c y a -> at_least ps -> (length ps <= group)%nat ->
  pow2 e <= Rmax (pow2 (-126)) (a + sum (map snd ps)) -> unless_overflow W x z ->
  computes W (unit_step v (v * pow2 (-126)) c ps) z (Rabs z).
Proof.
  intros Hr P C L G E; destruct (added_counts ps c L P) as [P' _].
  apply rounds with (1 := P') (2 := computes_added W c ps y a C).
  assert (Y := computes_magnitude W c y a P C); assert (B := bpow_gt_0 radix2 (-126)).
  set (m := Rmax _ _) in E; assert (M1 : pow2 (-126) <= m) by apply Rmax_l.
  assert (M2 : a + sum (map snd ps) <= m) by apply Rmax_r.
  assert (N : sum (magnitudes (map fst ps)) <= sum (map snd ps)).
  { clear -L; induction L as [|p ps H L IH]; simpl; [lra|]; unfold magnitudes in *; lra. }
  assert (O := one_step group f r Hr y e (map fst ps) (sum (map snd ps)) m).
  rewrite map_length in O; specialize (O G N M1 ltac:(lra) E); fold x in O.
  rewrite (Rplus_comm _ y); apply Rle_trans with (1 := O).
  rewrite <- Rmult_plus_distr_l; apply Rmult_le_compat_l; [apply step_error_pos|].
  assert (0 <= sum (map snd ps)).
  { apply Rle_trans with (2 := N); clear; induction ps as [|p ps IH]; simpl; [lra|].
    assert (A := Rabs_pos (fst p)); unfold magnitudes in *; lra. }
  assert (A := Rabs_pos y); unfold m; apply Rmax_lub; lra.
Qed.

(** The executable twin of such a unit, what it aligns to included, is the tree of its steps: no
    hypothesis on exponents is left. *)
Theorem unit_run (group : nat) (zero f r : Z) W (groups : list (list (operand * operand)))
    (v := step_error group f r) (c := F2R (run_unit zero f r groups)) :
  (0 < r)%Z -> (zero <= -126)%Z -> Forall (fun ps => (length ps <= group)%nat) groups ->
  computes W (unit_sum v (v * pow2 (-126)) (map (map counts) groups)) c (Rabs c).
Proof.
  intros Hr Hz; unfold c, run_unit, unit_sum.
  assert (Start : computes W (Input 0 0) (F2R (Float radix2 0 0)) (Rabs (F2R (Float radix2 0 0)))).
  { rewrite F2R_0, Rabs_R0; constructor. }
  assert (P : proper (Input 0 0)) by (simpl; rewrite Rabs_R0; lra).
  generalize (Input 0 0), (Float radix2 0 0), P, Start; clear P Start.
  induction groups as [|ps groups IH]; intros t x P C L; [exact C|].
  inversion_clear L as [|? ? Lp L']; cbn [map fold_left].
  assert (A : at_least (map counts ps)).
  { unfold at_least; apply Forall_forall; intros q Q; apply in_map_iff in Q.
    destruct Q as [p [<- _]]; apply counts_at_least. }
  assert (V := step_error_pos group f r); fold v in V; assert (B := bpow_ge_0 radix2 (-126)).
  apply IH; [| |exact L'].
  - split; [split; [exact V | now apply Rmult_le_pos] | now apply added_counts].
  - unfold v; apply matrix_unit_step with (y := F2R x) (a := Rabs (F2R x)) (e := run_aligned zero x ps);
      try assumption.
    + now rewrite map_length.
    + now apply run_aligned_correct.
    + intros _; unfold run_group; rewrite run_step_correct, !map_map by exact Hr; reflexivity.
Qed.

(** *** CDNA3: products summed in parts, then with c, most of it rounded down, at last to nearest *)

Definition lowered (q x : R) : R := q * IZR (Zfloor (x / q)).
Definition lowered_result (s : Z) (x : R) : R := round radix2 (FLT_exp (-126 - s) (s + 1)) Zfloor x.

Lemma lowered_error q x : 0 < q -> Rabs (lowered q x - x) <= q.
Proof.
  intros Q; unfold lowered; set (y := x / q).
  replace (q * IZR (Zfloor y) - x) with (q * (IZR (Zfloor y) - y)) by (unfold y; field; lra).
  rewrite Rabs_mult, (Rabs_pos_eq q) by lra; rewrite <- (Rmult_1_r q) at 2.
  apply Rmult_le_compat_l; [lra|].
  assert (A := Zfloor_ub y); assert (B := Zfloor_lb y); apply Rabs_le; lra.
Qed.

Lemma lowered_result_error s x : (0 < s)%Z ->
  Rabs (lowered_result s x - x) <= pow2 (- s) * Rmax (pow2 (-126)) (Rabs x).
Proof.
  intros P; assert (V : Prec_gt_0 (s + 1)) by (unfold Prec_gt_0; lia).
  apply Rle_trans with (ulp radix2 (FLT_exp (-126 - s) (s + 1)) x).
  { apply error_le_ulp; auto with typeclass_instances. }
  assert (B := bpow_gt_0 radix2 (- s)).
  destruct (Rle_or_lt (pow2 (-126)) (Rabs x)) as [H | H].
  - apply Rle_trans with (Rabs x * pow2 (1 - (s + 1))).
    + apply ulp_FLT_le; now replace (-126 - s + (s + 1) - 1)%Z with (-126)%Z by lia.
    + replace (1 - (s + 1))%Z with (- s)%Z by lia; rewrite Rmult_comm.
      apply Rmult_le_compat_l; [lra | apply Rmax_r].
  - rewrite ulp_FLT_small; [| exact V |].
    + replace (-126 - s)%Z with (- s + -126)%Z by lia; rewrite bpow_plus.
      apply Rmult_le_compat_l; [lra | apply Rmax_l].
    + apply Rlt_trans with (1 := H); apply bpow_lt; lia.
Qed.

(** Parts are products and the exponent e that they are aligned to. *)
Notation part := (Z * list (R * R))%type.
Definition products_of (parts : list part) : list (R * R) := concat (map snd parts).
Definition part_sum (f joint : Z) (p : part) : R :=
  lowered (pow2 (joint - f)) (sum (map (truncated (pow2 (fst p - f))) (map fst (snd p)))).
Definition cdna3_sum (f s joint top : Z) (y : R) (parts : list part) : R :=
  lowered (pow2 (top - s - 1)) (sum (map (part_sum f joint) parts)) + lowered (pow2 (top - f)) y.
Definition cdna3_error (group parts : nat) (f s : Z) : R :=
  (1 + ((INR group + INR parts + 1) * pow2 (- f) + pow2 (- s) / 2)) * (1 + pow2 (- s)) * (1 + u32) - 1.

Lemma parts_error f joint top parts :
  (joint <= top)%Z -> Forall (fun p => (fst p <= joint)%Z) parts ->
  Rabs (sum (map (part_sum f joint) parts) - sum (map fst (products_of parts))) <=
    (INR (length (products_of parts)) + INR (length parts)) * pow2 (top - f).
Proof.
  intros J; assert (Q := bpow_gt_0 radix2 (top - f)).
  assert (S : forall xs ys, sum (xs ++ ys) = sum xs + sum ys).
  { intros xs ys; unfold sum; induction xs as [|x xs IH]; simpl; [ring | rewrite IH; ring]. }
  induction 1 as [|[e ps] parts E F IH].
  { simpl; rewrite Rminus_diag_eq, Rabs_R0 by reflexivity; lra. }
  change (products_of ((e, ps) :: parts)) with (ps ++ products_of parts).
  rewrite map_app, S, app_length, plus_INR.
  change (length ((e, ps) :: parts)) with (Datatypes.S (length parts)); rewrite S_INR.
  set (one := part_sum f joint (e, ps)).
  change (sum (map (part_sum f joint) ((e, ps) :: parts)))
    with (one + sum (map (part_sum f joint) parts)).
  set (aligned := sum (map (truncated (pow2 (e - f))) (map fst ps))).
  assert (L : Rabs (one - aligned) <= pow2 (top - f)).
  { apply Rle_trans with (pow2 (joint - f)); [apply lowered_error, bpow_gt_0 | apply bpow_le; lia]. }
  assert (A : Rabs (aligned - sum (map fst ps)) <= INR (length ps) * pow2 (top - f)).
  { destruct (aligned_error (pow2 (e - f)) (map fst ps) (bpow_gt_0 _ _)) as [A _].
    rewrite map_length in A; apply Rle_trans with (1 := A).
    apply Rmult_le_compat_l; [apply pos_INR | apply bpow_le; simpl in E; lia]. }
  replace (one + sum (map (part_sum f joint) parts) - _) with
    ((one - aligned) + (aligned - sum (map fst ps)) +
     (sum (map (part_sum f joint) parts) - sum (map fst (products_of parts)))) by ring.
  apply Rle_trans with (1 := Rabs_triang _ _).
  assert (T := Rabs_triang (one - aligned) (aligned - sum (map fst ps))); lra.
Qed.

(** The accumulator y may be dropped where it is at most a unit; it is y' that is used. *)
Theorem cdna3_step (group n : nat) (f s : Z) W c y y' a (parts : list part) (joint top : Z)
    (v := cdna3_error group n f s) (x := binary32 (lowered_result s (cdna3_sum f s joint top y' parts)))
    z (ps := products_of parts) :
  (0 < s)%Z -> proper c -> computes W c y a -> at_least ps -> (length ps <= group)%nat ->
  (length parts <= n)%nat -> Forall (fun p => (fst p <= joint)%Z) parts -> (joint <= top)%Z ->
  pow2 top <= Rmax (pow2 (-126)) (a + sum (map snd ps)) ->
  y' = y \/ y' = 0 /\ Rabs y <= pow2 (top - f) -> unless_overflow W x z ->
  computes W (unit_step v (v * pow2 (-126) + h32) c ps) z (Rabs z).
Proof.
  intros Hs P C L G N E J T D; destruct (added_counts ps c L P) as [P' _].
  apply rounds with (1 := P') (2 := computes_added W c ps y a C).
  assert (Y := computes_magnitude W c y a P C); assert (B := bpow_gt_0 radix2 (-126)).
  assert (Bf := bpow_gt_0 radix2 (- f)); assert (Bs := bpow_gt_0 radix2 (- s)).
  assert (U := u32_pos); set (m := Rmax _ _) in T.
  assert (M1 : pow2 (-126) <= m) by apply Rmax_l.
  assert (M2 : a + sum (map snd ps) <= m) by apply Rmax_r.
  assert (N0 : Rabs (sum (map fst ps)) <= sum (map snd ps)).
  { clear -L; induction L as [|p ps H L IH]; simpl; [rewrite Rabs_R0; lra|].
    apply Rle_trans with (1 := Rabs_triang _ _); lra. }
  set (exact := sum (map fst ps) + y).
  assert (X : Rabs exact <= m).
  { unfold exact; apply Rle_trans with (1 := Rabs_triang _ _); lra. }
  set (w := (INR group + INR n + 1) * pow2 (- f) + pow2 (- s) / 2).
  set (total := cdna3_sum f s joint top y' parts) in *.
  assert (Qf : pow2 (top - f) <= pow2 (- f) * m).
  { replace (top - f)%Z with (- f + top)%Z by lia; rewrite bpow_plus; apply Rmult_le_compat_l; lra. }
  assert (Qs : pow2 (top - s - 1) <= pow2 (- s) / 2 * m).
  { replace (top - s - 1)%Z with (- s + top + -1)%Z by lia; rewrite !bpow_plus.
    change (pow2 (-1)) with (/ 2).
    assert (pow2 (- s) * pow2 top <= pow2 (- s) * m) by (apply Rmult_le_compat_l; lra); lra. }
  assert (Count : INR (length ps) + INR (length parts) + 1 <= INR group + INR n + 1).
  { apply le_INR in G; apply le_INR in N; lra. }
  assert (O : Rabs (total - exact) <= w * m).
  { assert (A := parts_error f joint top parts J E); fold ps in A.
    set (parts_total := sum (map (part_sum f joint) parts)) in *.
    assert (A2 : Rabs (lowered (pow2 (top - s - 1)) parts_total - parts_total) <= pow2 (top - s - 1))
      by apply lowered_error, bpow_gt_0.
    assert (A3 : Rabs (lowered (pow2 (top - f)) y' - y) <= pow2 (top - f)).
    { destruct D as [-> | [-> D]]; [apply lowered_error, bpow_gt_0|].
      unfold lowered; replace (0 / pow2 (top - f)) with 0 by (unfold Rdiv; ring).
      rewrite Zfloor_IZR, Rmult_0_r, Rminus_0_l, Rabs_Ropp; exact D. }
    replace (total - exact) with
      ((lowered (pow2 (top - s - 1)) parts_total - parts_total)
       + (lowered (pow2 (top - f)) y' - y) + (parts_total - sum (map fst ps)))
      by (unfold total, cdna3_sum, exact; fold parts_total; ring).
    apply Rle_trans with (1 := Rabs_triang _ _).
    assert (T2 := Rabs_triang (lowered (pow2 (top - s - 1)) parts_total - parts_total)
      (lowered (pow2 (top - f)) y' - y)).
    assert ((INR (length ps) + INR (length parts) + 1) * pow2 (top - f)
            <= (INR group + INR n + 1) * (pow2 (- f) * m)).
    { apply Rmult_le_compat; [| apply bpow_ge_0 | exact Count | exact Qf].
      assert (I := pos_INR (length ps)); assert (I' := pos_INR (length parts)); lra. }
    unfold w; lra. }
  assert (W0 : 0 <= w).
  { assert (I := pos_INR group); assert (I' := pos_INR n).
    assert (0 <= (INR group + INR n + 1) * pow2 (- f)) by (apply Rmult_le_pos; lra); unfold w; lra. }
  assert (M0 : 0 <= m) by lra.
  assert (Big : Rabs total <= (1 + w) * m).
  { replace total with (exact + (total - exact)) by ring.
    apply Rle_trans with (1 := Rabs_triang _ _); lra. }
  assert (Wm : m <= (1 + w) * m) by (assert (0 <= w * m) by (apply Rmult_le_pos; lra); lra).
  set (r := lowered_result s total) in *.
  assert (R1 : Rabs (r - total) <= pow2 (- s) * ((1 + w) * m)).
  { apply Rle_trans with (1 := lowered_result_error s total Hs).
    apply Rmult_le_compat_l; [lra | apply Rmax_lub; lra]. }
  assert (R2 : Rabs r <= (1 + pow2 (- s)) * ((1 + w) * m)).
  { replace r with (total + (r - total)) by ring; apply Rle_trans with (1 := Rabs_triang _ _); lra. }
  assert (F := binary32_error r); fold x in F.
  assert (F' : u32 * Rabs r <= u32 * ((1 + pow2 (- s)) * ((1 + w) * m)))
    by (apply Rmult_le_compat_l; lra).
  assert (V : Rabs (x - exact) <= v * m + h32).
  { replace (x - exact) with ((x - r) + (r - total) + (total - exact)) by ring.
    apply Rle_trans with (1 := Rabs_triang _ _).
    assert (T2 := Rabs_triang (x - r) (r - total)); unfold v, cdna3_error; fold w; lra. }
  fold exact; apply Rle_trans with (1 := V); fold ps.
  assert (V0 : 0 <= v).
  { unfold v, cdna3_error; fold w.
    assert (1 <= (1 + w) * (1 + pow2 (- s))) by nra; nra. }
  assert (A0 : 0 <= a + sum (map snd ps)).
  { assert (I := Rabs_pos y); assert (I' := Rabs_pos (sum (map fst ps))); lra. }
  assert (m <= sum (map snd ps) + a + pow2 (-126)) by (unfold m; apply Rmax_lub; lra).
  assert (v * m <= v * (sum (map snd ps) + a + pow2 (-126))) by (apply Rmult_le_compat_l; lra); lra.
Qed.

(** ** Scales and additions after the sums *)

(** Several results added one after the other. *)
Definition chain (ts : list tree) : tree :=
  match ts with
  | [] => Input 0 0
  | t :: ts => fold_left (fun s t => Rounded u32 0 (Plus s t)) ts t
  end.

(** A result multiplied by scales, one after the other. *)
Definition scaled (cs : list R) (t : tree) : tree :=
  fold_right (fun c t => Rounded u32 h32 (Times c t)) t cs.

Definition over {A : Type} (f : A -> R) (xs : list A) : R := sum (map f xs).

Lemma over_app {A : Type} (f : A -> R) xs ys : over f (xs ++ ys) = over f xs + over f ys.
Proof. unfold over; induction xs as [|x xs IH]; simpl; [ring | rewrite IH; ring]. Qed.

Lemma chain_counts ts :
  Forall proper ts ->
  proper (chain ts) /\ exact_value (chain ts) = over exact_value ts /\
  counted (chain ts) = over counted ts /\ absolute (chain ts) = over absolute ts.
Proof.
  assert (U := u32_pos); destruct ts as [|t ts]; intros P.
  { unfold over; simpl; rewrite Rabs_R0; repeat split; lra. }
  inversion P as [|x xs Pt Pts]; subst; unfold over; simpl; clear P.
  revert t Pt; induction Pts as [|s ts Ps Pts IH]; intros t Pt;
    [simpl; repeat split; lra || assumption|].
  cbn [fold_left map]; destruct (IH (Rounded u32 0 (Plus t s))) as [A [E [C L]]].
  { simpl; repeat split; lra || assumption. }
  rewrite E, C, L; simpl; fold sum; repeat split; lra || assumption.
Qed.

Lemma chain_largest_scale ts s :
  1 <= s -> Forall (fun t => largest_scale t <= s) ts -> largest_scale (chain ts) <= s.
Proof.
  intros S F; destruct F as [|t ts T F]; [exact S|]; simpl; revert t T.
  induction F as [|r ts R F IH]; intros t T; [exact T|]; apply IH; simpl; now apply Rmax_lub.
Qed.

Lemma chain_growth ts n g :
  Forall proper ts -> Forall (fun t => growth t <= g) ts -> 1 <= g -> (length ts <= S n)%nat ->
  growth (chain ts) <= (1 + u32) ^ n * g.
Proof.
  assert (U := u32_pos); intros P G G1 N.
  assert (P1 : forall k, 1 <= (1 + u32) ^ k) by (intros k; apply pow_R1_Rle; lra).
  destruct ts as [|t ts].
  { simpl; specialize (P1 n); nra. }
  inversion G as [|x xs Gt Gts]; subst; simpl in N |- *; clear G P.
  enough (H : growth (fold_left (fun s t => Rounded u32 0 (Plus s t)) ts t) <=
              (1 + u32) ^ length ts * g).
  { apply Rle_trans with (1 := H), Rmult_le_compat_r; [lra|]; apply Rle_pow; [lra | lia]. }
  clear N; assert (K : forall k h s, growth s <= (1 + u32) ^ k * g -> h = (k + length ts)%nat ->
    growth (fold_left (fun s t => Rounded u32 0 (Plus s t)) ts s) <= (1 + u32) ^ h * g).
  { induction Gts as [|r ts Gr Gts IH]; intros k h s Hs Hh; simpl in *.
    - subst; now rewrite Nat.add_0_r.
    - apply (IH (S k)); [|lia]; simpl; rewrite Rmult_assoc; apply Rmult_le_compat_l; [lra|].
      apply Rmax_lub; [exact Hs|]; specialize (P1 k); nra. }
  apply (K 0%nat); [simpl; lra | reflexivity].
Qed.

(** What scales make of a number. *)
Definition times (cs : list R) (x : R) : R := fold_right Rmult x cs.

Lemma scaled_counts cs t :
  proper t ->
  proper (scaled cs t) /\ exact_value (scaled cs t) = times cs (exact_value t) /\
  counted (scaled cs t) = times (magnitudes cs) (counted t) /\
  growth (scaled cs t) = (1 + u32) ^ length cs * growth t /\
  absolute (scaled cs t) = absolute t + INR (length cs) * h32.
Proof.
  assert (U := u32_pos); assert (H := h32_pos); intros P.
  induction cs as [|c cs [A [E [N [G L]]]]]; [simpl; repeat split; lra || assumption|].
  change (length (c :: cs)) with (S (length cs)); rewrite S_INR; simpl; rewrite E, N, G, L.
  repeat split; lra || assumption.
Qed.

Lemma over_ext {A : Type} (f g : A -> R) xs : (forall x, In x xs -> f x = g x) -> over f xs = over g xs.
Proof. intros H; unfold over; f_equal; now apply map_ext_in. Qed.

Lemma over_at_most {A : Type} (f : A -> R) xs b n :
  (forall x, In x xs -> f x <= b) -> 0 <= b -> (length xs <= n)%nat -> over f xs <= INR n * b.
Proof.
  intros F B N; apply Rle_trans with (INR (length xs) * b).
  - clear N; unfold over; induction xs as [|x xs IH]; [simpl; lra|].
    change (length (x :: xs)) with (S (length xs)); rewrite S_INR; simpl.
    assert (X := F x (or_introl eq_refl)); assert (Y := IH (fun y I => F y (or_intror I))).
    unfold sum in *; lra.
  - apply Rmult_le_compat_r; [exact B | now apply le_INR].
Qed.

Lemma chain_of {A : Type} (f : A -> tree) xs :
  (forall x, In x xs -> proper (f x)) ->
  proper (chain (map f xs)) /\
  exact_value (chain (map f xs)) = over (fun x => exact_value (f x)) xs /\
  counted (chain (map f xs)) = over (fun x => counted (f x)) xs /\
  absolute (chain (map f xs)) = over (fun x => absolute (f x)) xs.
Proof.
  intros P; unfold over; rewrite <- !(map_map f); apply chain_counts, Forall_map, Forall_forall, P.
Qed.

Lemma chain_growth_of {A : Type} (f : A -> tree) xs n g :
  (forall x, In x xs -> proper (f x)) -> (forall x, In x xs -> growth (f x) <= g) -> 1 <= g ->
  (length xs <= S n)%nat -> growth (chain (map f xs)) <= (1 + u32) ^ n * g.
Proof.
  intros P G G1 N; apply chain_growth; [now apply Forall_map, Forall_forall | | exact G1 |].
  - now apply Forall_map, Forall_forall.
  - now rewrite map_length.
Qed.

(** Neighbours added, then their sums, and so on, each sum with an absolute error h besides. *)
Fixpoint neighbours (h : R) (ts : list tree) : list tree :=
  match ts with
  | l :: r :: ts => Rounded u32 h (Plus l r) :: neighbours h ts
  | _ => ts
  end.

Fixpoint pairwise (h : R) (levels : nat) (ts : list tree) : tree :=
  match levels with
  | O => hd (Input 0 0) ts
  | S levels => pairwise h levels (neighbours h ts)
  end.

Lemma neighbours_induction (P : list tree -> Prop) :
  P [] -> (forall t, P [t]) -> (forall l r ts, P ts -> P (l :: r :: ts)) -> forall ts, P ts.
Proof.
  intros P0 P1 P2 ts; enough (P ts /\ forall t, P (t :: ts)) by tauto.
  induction ts as [|s ts [A B]]; [now split|]; split; [apply B | intros t; now apply P2].
Qed.

Lemma neighbours_counts h ts g :
  0 <= h -> 1 <= g -> Forall (fun t => proper t /\ growth t <= g) ts ->
  Forall (fun t => proper t /\ growth t <= (1 + u32) * g) (neighbours h ts) /\
  over exact_value (neighbours h ts) = over exact_value ts /\
  over counted (neighbours h ts) = over counted ts /\
  over absolute (neighbours h ts) + INR (length (neighbours h ts)) * h
    = over absolute ts + INR (length ts) * h /\
  (2 * length (neighbours h ts) <= length ts + 1)%nat /\
  (0 < length ts -> 0 < length (neighbours h ts))%nat.
Proof.
  assert (U := u32_pos); intros H0 G F; revert F;
    induction ts as [|t|l r ts IH] using neighbours_induction.
  - repeat split; simpl; lia || constructor.
  - intros F; inversion F as [|x xs [P H]]; subst; repeat split; simpl; try lia.
    constructor; [|constructor]; split; [exact P | nra].
  - intros F; inversion F as [|x xs [Pl Hl] F']; subst; inversion F' as [|x' xs' [Pr Hr] F'']; subst.
    destruct (IH F'') as [A [E [C [L [N _]]]]]; unfold over in *.
    cbn [neighbours map sum fold_right length] in *; fold sum; rewrite E, C, !S_INR.
    repeat split; try (simpl; lia); try (simpl; lra).
    constructor; [|exact A]; simpl; repeat split; try lra; try assumption.
    apply Rmult_le_compat_l; [lra | now apply Rmax_lub].
Qed.

Theorem pairwise_counts h levels ts g (t := pairwise h levels ts) :
  0 <= h -> 1 <= g -> Forall (fun t => proper t /\ growth t <= g) ts ->
  (length ts <= 2 ^ levels)%nat ->
  proper t /\ exact_value t = over exact_value ts /\ counted t = over counted ts /\
  absolute t = over absolute ts + INR (Nat.pred (length ts)) * h /\
  growth t <= (1 + u32) ^ levels * g.
Proof.
  unfold t; clear t; assert (U := u32_pos); intros H; revert ts g.
  induction levels as [|n IH]; intros ts g G F N.
  - destruct ts as [|t [|s ts]]; [| | simpl in N; lia]; unfold over; simpl.
    + rewrite Rabs_R0; repeat split; lra.
    + inversion F as [|x xs [P Q]]; subst; repeat split; try lra; exact P.
  - destruct (neighbours_counts h ts g H G F) as [A [E [C [L [M K]]]]]; cbn [pairwise].
    rewrite <- E, <- C; destruct (IH (neighbours h ts) ((1 + u32) * g)) as [P [EV [CV [AV GV]]]];
      [nra | exact A | cbn [Nat.pow] in N; lia |].
    repeat split; [exact P | exact EV | exact CV | |].
    + rewrite AV; destruct ts as [|s ts]; [simpl in *; lra|].
      specialize (K ltac:(simpl; lia)); destruct (neighbours h (s :: ts)) as [|r rs];
        [simpl in K; lia|].
      cbn [length Nat.pred] in L |- *; rewrite !S_INR in L; lra.
    + apply Rle_trans with (1 := GV); right; simpl; ring.
Qed.

(** *** A unit that adds groups pairwise and takes what is subnormal for zero *)

Definition flushed (x : R) : R := if Rlt_bool (Rabs x) (pow2 (-126)) then 0 else x.

(** A result of binary32 that is flushed. *)
Lemma flushed_error y : Rabs (flushed (binary32 y) - y) <= u32 * Rabs y + pow2 (-126).
Proof.
  assert (U := u32_pos); assert (B := bpow_gt_0 radix2 (-126)); assert (A := Rabs_pos y).
  assert (UA : 0 <= u32 * Rabs y) by (apply Rmult_le_pos; lra).
  unfold flushed; case Rlt_bool_spec; intros H.
  - assert (Y : Rabs y < pow2 (-126)).
    { apply Rnot_le_lt; intros L; apply (Rlt_not_le _ _ H); clear H.
      assert (P : Prec_gt_0 24) by reflexivity.
      assert (F : generic_format radix2 (FLT_exp (-149) 24) (pow2 (-126))).
      { apply generic_format_bpow; unfold FLT_exp; simpl; lia. }
      unfold binary32, binary; now apply abs_round_ge_generic; auto with typeclass_instances. }
    rewrite Rminus_0_l, Rabs_Ropp; lra.
  - apply Rle_trans with (1 := binary32_error y); apply Rplus_le_compat_l.
    unfold h32; simpl; lra.
Qed.

Theorem rounds_flushed W t y a z :
  proper t -> computes W t y a -> unless_overflow W (flushed (binary32 y)) z ->
  computes W (Rounded u32 (pow2 (-126)) t) z (Rabs z).
Proof.
  intros P C; apply rounds with (1 := P) (2 := C).
  apply Rle_trans with (1 := flushed_error y), Rplus_le_compat_r, Rmult_le_compat_l.
  - apply bpow_ge_0.
  - now apply computes_magnitude with (2 := C).
Qed.

(** A product of at most 24 significant bits. *)
Theorem product_flushed W x m z :
  generic_format radix2 (FLX_exp 24) x -> Rabs x <= m ->
  unless_overflow W (flushed (binary32 x)) z ->
  computes W (Rounded 0 (pow2 (-126)) (Input x m)) z (Rabs z).
Proof.
  intros F M; assert (B := bpow_gt_0 radix2 (-126)); assert (P : Prec_gt_0 24) by reflexivity.
  apply rounds with (1 := M : proper (Input x m)) (2 := computes_input W x m).
  rewrite Rmult_0_l, Rplus_0_l; destruct (Rle_or_lt (pow2 (-126)) (Rabs x)) as [N | N].
  - assert (E : binary32 x = x).
    { unfold binary32, binary; apply round_generic; [auto with typeclass_instances|].
      apply generic_format_FLT_FLX; [exact N | exact F]. }
    unfold flushed; rewrite E; case Rlt_bool_spec; intros H; [lra|].
    rewrite Rminus_diag_eq, Rabs_R0 by reflexivity; lra.
  - assert (E := binary32_error x); unfold flushed; case Rlt_bool_spec; intros H.
    + rewrite Rminus_0_l, Rabs_Ropp; lra.
    + apply Rle_trans with (1 := E).
      assert (u32 * Rabs x <= u32 * pow2 (-126)) by (apply Rmult_le_compat_l; [apply bpow_ge_0 | lra]).
      unfold h32, u32 in *; simpl in *; lra.
Qed.

Definition flushing_step (levels : nat) (c : tree) (ps : list (R * R)) : tree :=
  Rounded u32 (pow2 (-126)) (Plus c (pairwise (pow2 (-126)) levels
    (map (fun p => Rounded 0 (pow2 (-126)) (Input (fst p) (snd p))) ps))).
Definition flushing_sum (levels : nat) (groups : list (list (R * R))) : tree :=
  fold_left (flushing_step levels) groups (Input 0 0).

Lemma flushing_step_counts levels c ps (t := flushing_step levels c ps) n k :
  proper c -> at_least ps -> (0 < length ps <= 2 ^ levels)%nat ->
  growth c <= (1 + u32) ^ (k + levels) -> absolute c <= INR (2 * n) * pow2 (-126) ->
  proper t /\ exact_value t = exact_value c + sum (map fst ps) /\
  counted t = counted c + sum (map snd ps) /\
  growth t <= (1 + u32) ^ (S k + levels) /\
  absolute t <= INR (2 * (n + length ps)) * pow2 (-126).
Proof.
  intros P L N G H; assert (U := u32_pos); assert (B := bpow_gt_0 radix2 (-126)).
  set (f := pow2 (-126)) in *.
  set (products := map (fun p => Rounded 0 f (Input (fst p) (snd p))) ps).
  assert (F : Forall (fun t => proper t /\ growth t <= 1) products).
  { apply Forall_map, (Forall_impl _ (P := fun p => Rabs (fst p) <= snd p)); [|exact L].
    intros p Hp; simpl; repeat split; try lra; exact Hp. }
  assert (Len : length products = length ps) by apply map_length.
  destruct (pairwise_counts f levels products 1) as [A [E [C [D K]]]];
    [lra | lra | exact F | rewrite Len; lia |].
  assert (E' : over exact_value products = sum (map fst ps)).
  { unfold over, products; rewrite map_map; reflexivity. }
  assert (C' : over counted products = sum (map snd ps)).
  { unfold over, products; rewrite map_map; reflexivity. }
  assert (D' : over absolute products = INR (length ps) * f).
  { unfold over, products; rewrite map_map; clear; induction ps as [|p ps IH]; [simpl; ring|].
    change (length (p :: ps)) with (S (length ps)); rewrite S_INR; unfold sum in *.
    cbn [map fold_right]; rewrite IH; simpl; ring. }
  rewrite E' in E; rewrite C' in C; rewrite D', Len in D; rewrite Rmult_1_r in K.
  unfold t, flushing_step; fold f; fold products; simpl; rewrite E, C, D.
  repeat split; try assumption; try lra.
  - apply Rmult_le_compat_l; [lra|]; apply Rmax_lub; [exact G|].
    apply Rle_trans with (1 := K), Rle_pow; [lra | lia].
  - destruct ps as [|p ps]; [simpl in N; lia|]; cbn [length Nat.pred].
    replace (n + S (length ps) + (n + S (length ps) + 0))%nat with (2 * n + (2 * length ps + 2))%nat by lia.
    rewrite !plus_INR, !mult_INR, S_INR; rewrite mult_INR in H; simpl in *; lra.
Qed.

Theorem flushing_sum_counts levels groups (t := flushing_sum levels groups) :
  Forall at_least groups -> Forall (fun ps => 0 < length ps <= 2 ^ levels)%nat groups ->
  proper t /\ exact_value t = over (fun ps => sum (map fst ps)) groups /\
  counted t = over (fun ps => sum (map snd ps)) groups /\
  growth t <= (1 + u32) ^ (length groups + levels) /\
  absolute t <= INR (2 * length (concat groups)) * pow2 (-126).
Proof.
  intros L N; unfold t, flushing_sum; assert (U := u32_pos).
  enough (K : forall c n k, proper c -> growth c <= (1 + u32) ^ (k + levels) ->
      absolute c <= INR (2 * n) * pow2 (-126) ->
    let t := fold_left (flushing_step levels) groups c in
    proper t /\ exact_value t = exact_value c + over (fun ps => sum (map fst ps)) groups /\
    counted t = counted c + over (fun ps => sum (map snd ps)) groups /\
    growth t <= (1 + u32) ^ (k + length groups + levels) /\
    absolute t <= INR (2 * (n + length (concat groups))) * pow2 (-126)).
  { destruct (K (Input 0 0) 0%nat 0%nat) as [A [E [C [G H]]]].
    - simpl; rewrite Rabs_R0; lra.
    - simpl; apply pow_R1_Rle; lra.
    - simpl; lra.
    - rewrite E, C; simpl exact_value; simpl counted; rewrite !Rplus_0_l; repeat split; assumption. }
  revert N; induction L as [|ps groups Hp L IH]; intros N c n k P G H.
  { unfold over; simpl; rewrite !Nat.add_0_r, !Rplus_0_r.
    repeat split; try assumption; simpl in H; rewrite Nat.add_0_r in H; exact H. }
  inversion N as [|q qs Np Ns]; subst.
  destruct (flushing_step_counts levels c ps n k P Hp Np G H) as [A [E [C [G' H']]]].
  cbn [fold_left length concat].
  destruct (IH Ns (flushing_step levels c ps) (n + length ps)%nat (S k) A G' H') as [A2 [E2 [C2 [G2 H2]]]].
  rewrite E2, C2, E, C; unfold over in *; cbn [map]; simpl sum; fold sum.
  rewrite app_length; repeat split; try assumption; try (simpl; ring).
  - now rewrite <- plus_n_Sm.
  - now rewrite Nat.add_assoc.
Qed.

(** The sums of the segments of every term, by what they are multiplied with. *)
Definition entry (terms : list (list (list R * tree))) : tree :=
  chain (map (fun segments => chain (map (fun s => scaled (fst s) (snd s)) segments)) terms).

(** An entry of T terms, S segments and C scales: the roundings of the sums, and these. *)
Theorem accumulation (terms : list (list (list R * tree))) (T S C : nat) (g l : R) :
  (length terms <= T)%nat ->
  Forall (fun segments => (length segments <= S)%nat /\
    Forall (fun s => (length (fst s) <= C)%nat /\ proper (snd s) /\
      growth (snd s) <= g /\ absolute (snd s) <= l) segments) terms ->
  1 <= g -> 0 <= l ->
  proper (entry terms) /\
  exact_value (entry terms) =
    over (over (fun s => times (fst s) (exact_value (snd s)))) terms /\
  counted (entry terms) =
    over (over (fun s => times (magnitudes (fst s)) (counted (snd s)))) terms /\
  growth (entry terms) <= (1 + u32) ^ (C + (S - 1) + (T - 1)) * g /\
  absolute (entry terms) <= INR T * (INR S * (l + INR C * h32)).
Proof.
  assert (U := u32_pos); assert (H := h32_pos); intros HT HS G L.
  assert (P1 : forall k, 1 <= (1 + u32) ^ k) by (intros k; apply pow_R1_Rle; lra).
  assert (K0 : 0 <= l + INR C * h32).
  { assert (N := pos_INR C); assert (0 <= INR C * h32) by (apply Rmult_le_pos; lra); lra. }
  set (outside s := scaled (fst s) (snd s) : tree).
  assert (Segments : Forall (fun segments =>
      let t := chain (map outside segments) in
      proper t /\ exact_value t = over (fun s => times (fst s) (exact_value (snd s))) segments /\
      counted t = over (fun s => times (magnitudes (fst s)) (counted (snd s))) segments /\
      growth t <= (1 + u32) ^ (C + (S - 1)) * g /\ absolute t <= INR S * (l + INR C * h32)) terms).
  { apply Forall_impl with (2 := HS); intros segments [N F] t.
    assert (K : forall s, In s segments -> proper (outside s) /\
        exact_value (outside s) = times (fst s) (exact_value (snd s)) /\
        counted (outside s) = times (magnitudes (fst s)) (counted (snd s)) /\
        growth (outside s) <= (1 + u32) ^ C * g /\ absolute (outside s) <= l + INR C * h32).
    { intros [cs r] I; rewrite Forall_forall in F; destruct (F _ I) as [Nc [Pr [Gr Lr]]].
      unfold outside; simpl in *; destruct (scaled_counts cs r Pr) as [A [E [Cn [B D]]]].
      rewrite B, D; repeat split; try assumption.
      - apply Rmult_le_compat; [specialize (P1 (length cs)); lra | | | exact Gr].
        + assert (Q := growth_ge_1 r Pr); lra.
        + apply Rle_pow; [lra | exact Nc].
      - apply Rplus_le_compat; [exact Lr|]; apply Rmult_le_compat_r; [lra | now apply le_INR]. }
    destruct (chain_of outside segments) as [A [E [Cn D]]]; [intros s I; now apply K|].
    unfold t; rewrite E, Cn, D; repeat split; [exact A | | | |].
    - apply over_ext; intros s I; now apply K.
    - apply over_ext; intros s I; now apply K.
    - rewrite Nat.add_comm, pow_add, Rmult_assoc.
      apply chain_growth_of; [intros s I; now apply K | | | lia].
      + intros s I; now apply K.
      + specialize (P1 C); nra.
    - apply over_at_most; [intros s I; now apply K | exact K0 | exact N]. }
  rewrite Forall_forall in Segments; set (term segments := chain (map outside segments)).
  destruct (chain_of term terms) as [A [E [Cn D]]]; [intros s I; now apply Segments|].
  unfold entry; fold outside; fold term; rewrite E, Cn, D; repeat split; [exact A | | | |].
  - apply over_ext; intros s I; now apply Segments.
  - apply over_ext; intros s I; now apply Segments.
  - rewrite Nat.add_comm, pow_add, Rmult_assoc.
    apply chain_growth_of; [intros s I; now apply Segments | | | lia].
    + intros s I; now apply Segments.
    + specialize (P1 (C + (S - 1))%nat); nra.
  - apply over_at_most; [intros s I; now apply Segments | | exact HT].
    apply Rmult_le_pos; [apply pos_INR | exact K0].
Qed.

(** Roundings of another relative error v count as roundings of u. *)
Theorem combined (u v : R) (r n : nat) :
  0 <= v -> 0 <= u -> INR r * v <= INR n * (u - u ^ 2 / 2) -> (1 + v) ^ r <= (1 + u) ^ n.
Proof.
  intros V U H.
  assert (E : forall x k, exp x ^ k = exp (INR k * x)).
  { intros x k; induction k as [|k IH]; [simpl; now rewrite Rmult_0_l, exp_0|].
    change (exp x ^ S k) with (exp x * exp x ^ k); rewrite IH, <- exp_plus, S_INR; f_equal; ring. }
  assert (Lo : exp (u - u ^ 2 / 2) <= 1 + u).
  { set (g x := (1 + x) * exp (- (x - x ^ 2 / 2))).
    enough (G : 1 <= g u).
    { unfold g in G; rewrite exp_Ropp in G; assert (X := exp_pos (u - u ^ 2 / 2)).
      apply Rmult_le_compat_r with (r := exp (u - u ^ 2 / 2)) in G; [|lra].
      rewrite Rmult_assoc, Rinv_l in G by lra; lra. }
    destruct U as [U | <-]; [| unfold g; replace (- (0 - 0 ^ 2 / 2)) with 0 by field; rewrite exp_0; lra].
    assert (D : forall x, derivable_pt_lim g x (x ^ 2 * exp (- (x - x ^ 2 / 2)))).
    { intros x; unfold g.
      replace (x ^ 2 * exp (- (x - x ^ 2 / 2))) with
        ((0 + 1) * exp (- (x - x ^ 2 / 2)) + (1 + x) * (exp (- (x - x ^ 2 / 2)) * - (1 - x))) by ring.
      apply (derivable_pt_lim_mult (fun x => 1 + x) (fun x => exp (- (x - x ^ 2 / 2)))).
      - apply (derivable_pt_lim_plus (fun _ => 1) (fun x => x));
          [apply derivable_pt_lim_const | apply derivable_pt_lim_id].
      - apply (derivable_pt_lim_comp (fun x => - (x - x ^ 2 / 2)) exp); [|apply derivable_pt_lim_exp].
        apply (derivable_pt_lim_opp (fun x => x - x ^ 2 / 2)).
        apply (derivable_pt_lim_minus (fun x => x) (fun x => x ^ 2 / 2)); [apply derivable_pt_lim_id|].
        replace x with ((INR 2 * x ^ 1) * / 2 + x ^ 2 * 0) at 2 by (simpl; field).
        apply (derivable_pt_lim_mult (fun x => x ^ 2) (fun _ => / 2));
          [apply derivable_pt_lim_pow | apply derivable_pt_lim_const]. }
    destruct (MVT_cor2 g _ 0 u U (fun c _ => D c)) as (c & M & _).
    assert (G0 : g 0 = 1) by (unfold g; replace (- (0 - 0 ^ 2 / 2)) with 0 by field; rewrite exp_0; ring).
    assert (X := exp_pos (- (c - c ^ 2 / 2))).
    assert (0 <= c ^ 2 * exp (- (c - c ^ 2 / 2)) * (u - 0)).
    { assert (Q := pow2_ge_0 c); apply Rmult_le_pos; [apply Rmult_le_pos|]; lra. }
    lra. }
  apply Rle_trans with (exp v ^ r).
  { apply pow_incr; split; [lra|].
    destruct V as [V | <-]; [left; apply exp_ineq1; lra | rewrite exp_0; lra]. }
  apply Rle_trans with (exp (u - u ^ 2 / 2) ^ n).
  { rewrite 2!E; destruct H as [H | H]; [left; now apply exp_increasing | rewrite H; lra]. }
  apply pow_incr; split; [left; apply exp_pos | exact Lo].
Qed.

(** ** Inputs that count as zero where they are subnormal *)

Definition dropped (s x y : R) : Prop := y = x \/ y = 0 /\ Rabs x <= s.

Lemma dropped_error s x y :
  dropped s x y -> Rabs (y - x) <= Rmin (Rabs x) (Rmax 0 s) /\ Rabs y <= Rabs x.
Proof.
  assert (A := Rabs_pos x); assert (M := Rmax_l 0 s); assert (M' := Rmax_r 0 s).
  intros [-> | [-> H]].
  - rewrite Rminus_diag_eq, Rabs_R0 by reflexivity; split; [apply Rmin_glb; lra | lra].
  - rewrite Rminus_0_l, Rabs_Ropp, Rabs_R0; split; [apply Rmin_glb; lra | lra].
Qed.

Lemma dropped_sum s xs ys :
  Forall2 (dropped s) xs ys ->
  Rabs (sum ys - sum xs) <= Rmin (sum (magnitudes xs)) (INR (length xs) * Rmax 0 s) /\
  Rabs (sum ys) <= sum (magnitudes xs) /\ sum (magnitudes ys) <= sum (magnitudes xs).
Proof.
  assert (M := Rmax_l 0 s); set (m := Rmax 0 s) in *.
  induction 1 as [|x y xs ys D F [E [B C]]].
  - simpl; rewrite Rminus_diag_eq, Rabs_R0 by reflexivity; repeat split; try lra.
    apply Rmin_glb; lra.
  - destruct (dropped_error s x y D) as [Ex Bx]; fold m in Ex.
    change (length (x :: xs)) with (S (length xs)); rewrite S_INR; simpl; fold sum.
    fold (magnitudes xs) (magnitudes ys) in *; repeat split.
    + replace (y + sum ys - (x + sum xs)) with ((y - x) + (sum ys - sum xs)) by ring.
      assert (T := Rabs_triang (y - x) (sum ys - sum xs)).
      assert (E1 := Rle_trans _ _ _ E (Rmin_l _ _)); assert (E2 := Rle_trans _ _ _ E (Rmin_r _ _)).
      assert (X1 := Rle_trans _ _ _ Ex (Rmin_l _ _)); assert (X2 := Rle_trans _ _ _ Ex (Rmin_r _ _)).
      unfold sum, magnitudes in *; apply Rmin_glb; lra.
    + apply Rle_trans with (1 := Rabs_triang _ _); unfold sum, magnitudes in *; lra.
    + unfold sum, magnitudes in *; lra.
Qed.

(** ** The whole entry *)

(** Terms x - r_1, r_1 - r_2, and so on, of remainders r within b: in all at most |x| + carried. *)
Definition lost (bounds : list R) : R := last bounds 0.
Definition carried (bounds : list R) : R := 2 * sum bounds - lost bounds.

Lemma terms_sum x rs : rs <> [] -> sum (terms_of x rs) = x - last rs 0.
Proof.
  revert x; induction rs as [|r rs IH]; intros x N; [easy|]; clear N.
  destruct rs as [|s rs]; [simpl; ring|].
  change (last (r :: s :: rs) 0) with (last (s :: rs) 0).
  change (sum (terms_of x (r :: s :: rs))) with (x - r + sum (terms_of r (s :: rs))).
  rewrite IH by easy; ring.
Qed.

Lemma terms_carried x rs bs :
  rs <> [] -> Forall2 (fun r b => Rabs r <= b) rs bs ->
  Rabs (last rs 0) <= lost bs /\ sum (magnitudes (terms_of x rs)) <= Rabs x + carried bs.
Proof.
  intros N F; unfold carried, lost; revert x N.
  induction F as [|r b rs bs H F IH]; intros x N; [easy|]; clear N.
  destruct F as [|s c rs bs Hs F].
  - simpl; assert (A := Rabs_triang x (- r)); rewrite Rabs_Ropp in A; unfold Rminus; split; lra.
  - destruct (IH r) as [A B]; [easy|].
    change (last (r :: s :: rs) 0) with (last (s :: rs) 0).
    change (last (b :: c :: bs) 0) with (last (c :: bs) 0); split; [exact A|].
    change (sum (magnitudes (terms_of x (r :: s :: rs))))
      with (Rabs (x - r) + sum (magnitudes (terms_of r (s :: rs)))).
    change (sum (b :: c :: bs)) with (b + sum (c :: bs)).
    assert (T := Rabs_triang x (- r)); rewrite Rabs_Ropp in T; unfold Rminus; lra.
Qed.

Section Whole.

(** Positions of the inner dimension; x times w is meant. *)
Variables (keys : list nat) (x w : nat -> R).
(** What is left after each term, and the bounds on it. *)
Variables (remainders bounds : nat -> list R).
(** The weight as it is used, and the bound on its error. *)
Variables (w' w_error : nat -> R).
(** What factors count with besides their magnitudes, where exponents are aligned. *)
Variables (least w_least : nat -> R).

Hypothesis Hremainders : forall k, In k keys -> remainders k <> [].
Hypothesis Hbounds : forall k, In k keys -> Forall2 (fun r b => Rabs r <= b) (remainders k) (bounds k).
Hypothesis Hw : forall k, In k keys -> Rabs (w' k - w k) <= w_error k.
Hypothesis Hleast : forall k, In k keys -> 0 <= least k /\ 0 <= w_least k.

Notation terms k := (terms_of (x k) (remainders k)).
Notation lost_at k := (lost (bounds k)).

Lemma over_le {A : Type} (f g : A -> R) xs :
  (forall k, In k xs -> f k <= g k) -> over f xs <= over g xs.
Proof.
  intros H; unfold over; induction xs as [|k xs IH]; simpl; [lra|].
  apply Rplus_le_compat; [apply H; now left | apply IH; intros j J; apply H; now right].
Qed.

Lemma over_minus (f g : nat -> R) ks : over f ks - over g ks = over (fun k => f k - g k) ks.
Proof. unfold over; induction ks as [|k ks IH]; simpl; [ring | rewrite <- IH; ring]. Qed.

Lemma over_plus (f g : nat -> R) ks : over f ks + over g ks = over (fun k => f k + g k) ks.
Proof. unfold over; induction ks as [|k ks IH]; simpl; [ring | rewrite <- IH; ring]. Qed.

Lemma over_abs (f : nat -> R) ks : Rabs (over f ks) <= over (fun k => Rabs (f k)) ks.
Proof.
  unfold over; induction ks as [|k ks IH]; simpl; [rewrite Rabs_R0; lra|].
  apply Rle_trans with (1 := Rabs_triang _ _); lra.
Qed.

Lemma weight_used k : In k keys -> Rabs (w' k) <= Rabs (w k) + w_error k.
Proof.
  intros K; replace (w' k) with (w k + (w' k - w k)) by ring.
  apply Rle_trans with (1 := Rabs_triang _ _); assert (H := Hw k K); lra.
Qed.

(** What the terms and the weight in use leave out. *)
Lemma data_part :
  Rabs (over (fun k => sum (terms k) * w' k) keys - over (fun k => x k * w k) keys) <=
    over (fun k => lost_at k * Rabs (w k)) keys +
    over (fun k => (Rabs (x k) + lost_at k) * w_error k) keys.
Proof.
  rewrite over_minus, over_plus; apply Rle_trans with (1 := over_abs _ _), over_le.
  intros k K; rewrite terms_sum by now apply Hremainders.
  destruct (terms_carried (x k) _ _ (Hremainders k K) (Hbounds k K)) as [L _].
  set (r := last (remainders k) 0) in *; set (b := lost_at k) in *.
  replace ((x k - r) * w' k - x k * w k) with (- r * w k + (x k - r) * (w' k - w k)) by ring.
  apply Rle_trans with (1 := Rabs_triang _ _); rewrite 2!Rabs_mult, Rabs_Ropp.
  apply Rplus_le_compat; [apply Rmult_le_compat_r; [apply Rabs_pos | exact L]|].
  apply Rmult_le_compat; try apply Rabs_pos; [|now apply Hw].
  apply Rle_trans with (1 := Rabs_triang (x k) (- r)); rewrite Rabs_Ropp; lra.
Qed.

Lemma magnitudes_part :
  over (fun k => (sum (magnitudes (terms k)) + least k) * (Rabs (w' k) + w_least k)) keys <=
  over (fun k => (Rabs (x k) + carried (bounds k) + least k)
                 * (Rabs (w k) + w_error k + w_least k)) keys.
Proof.
  apply over_le; intros k K; destruct (Hleast k K) as [S1 S2].
  destruct (terms_carried (x k) _ _ (Hremainders k K) (Hbounds k K)) as [_ C].
  assert (P : 0 <= sum (magnitudes (terms k))).
  { clear; generalize (terms k); intros ts; induction ts as [|t ts IH]; simpl; [lra|].
    assert (A := Rabs_pos t); unfold magnitudes in *; lra. }
  assert (W' := weight_used k K); assert (A := Rabs_pos (w' k)).
  apply Rmult_le_compat; lra.
Qed.

(** Of any tree, by what it is; its inputs may be off, by so much together. *)
Theorem decomposed_dot_tree (W g off : R) (t : tree) (y a : R) :
  Rabs (exact_value t - over (fun k => sum (terms k) * w' k) keys) <= off ->
  counted t <=
    over (fun k => (sum (magnitudes (terms k)) + least k) * (Rabs (w' k) + w_least k)) keys ->
  proper t -> growth t <= 1 + g -> peak t <= W -> computes W t y a ->
  Rabs (y - over (fun k => x k * w k) keys) <=
    over (fun k => lost_at k * Rabs (w k)) keys
    + over (fun k => (Rabs (x k) + lost_at k) * w_error k) keys
    + g * over (fun k => (Rabs (x k) + carried (bounds k) + least k)
                         * (Rabs (w k) + w_error k + w_least k)) keys
    + underflow t * (1 + g) + off.
Proof.
  intros E C P G K D; destruct (tree_error W t y a P D K) as [T _].
  assert (T' := Rle_trans _ _ _ T (tree_bound_le _ (1 + g) t P G)); unfold tree_bound in T'.
  assert (M := Rle_trans _ _ _ C magnitudes_part); assert (B := data_part).
  assert (G0 : 0 <= g) by (assert (Q := growth_ge_1 t P); lra).
  apply (Rmult_le_compat_l g) in M; [|exact G0].
  set (used := over (fun k => sum (terms k) * w' k) keys) in *.
  replace (y - over (fun k => x k * w k) keys) with
    ((y - exact_value t) + (exact_value t - used) + (used - over (fun k => x k * w k) keys)) by ring.
  apply Rle_trans with (1 := Rabs_triang _ _).
  assert (T2 := Rabs_triang (y - exact_value t) (exact_value t - used)); lra.
Qed.

(** By what is counted of it: n roundings of u; magnitudes m and absolute errors h before scales,
    which make at most s of 1. *)
Lemma decomposed_dot_off (W u off : R) (n : nat) (s m h : R) (t : tree) (y a : R) (g := gamma n u) :
  Rabs (exact_value t - over (fun k => sum (terms k) * w' k) keys) <= off ->
  counted t <=
    over (fun k => (sum (magnitudes (terms k)) + least k) * (Rabs (w' k) + w_least k)) keys ->
  proper t -> 0 <= u -> growth t <= (1 + u) ^ n -> INR n * u < 1 ->
  largest_scale t <= s -> unscaled t <= m -> absolute t <= h -> (1 + g) * (s * (m + h)) <= W ->
  computes W t y a ->
  Rabs (y - over (fun k => x k * w k) keys) <=
    over (fun k => lost_at k * Rabs (w k)) keys
    + over (fun k => (Rabs (x k) + lost_at k) * w_error k) keys
    + g * over (fun k => (Rabs (x k) + carried (bounds k) + least k)
                         * (Rabs (w k) + w_error k + w_least k)) keys
    + h * s * (1 + g) + off.
Proof.
  intros E C P U G N S M H K D; assert (Q := power_gamma n u U N); fold g in Q.
  assert (G1 := growth_ge_1 t P); assert (S1 := largest_scale_ge_1 t).
  destruct (unscaled_pos t P) as [M0 H0]; destruct (scaled_bound t P) as [_ B].
  assert (K' : peak t <= W).
  { apply Rle_trans with (1 := peak_bound t P), Rle_trans with (2 := K).
    apply Rmult_le_compat; [lra | apply Rmult_le_pos; lra | lra | apply Rmult_le_compat; lra]. }
  apply Rle_trans with (1 := decomposed_dot_tree W g off t y a E C P ltac:(lra) K' D).
  apply Rplus_le_compat_r, Rplus_le_compat_l, Rmult_le_compat_r; [lra|].
  apply Rle_trans with (1 := B); rewrite Rmult_comm; apply Rmult_le_compat; lra.
Qed.

Theorem decomposed_dot (W u : R) (n : nat) (s m h : R) (t : tree) (y a : R) (g := gamma n u) :
  exact_value t = over (fun k => sum (terms k) * w' k) keys ->
  counted t <=
    over (fun k => (sum (magnitudes (terms k)) + least k) * (Rabs (w' k) + w_least k)) keys ->
  proper t -> 0 <= u -> growth t <= (1 + u) ^ n -> INR n * u < 1 ->
  largest_scale t <= s -> unscaled t <= m -> absolute t <= h -> (1 + g) * (s * (m + h)) <= W ->
  computes W t y a ->
  Rabs (y - over (fun k => x k * w k) keys) <=
    over (fun k => lost_at k * Rabs (w k)) keys
    + over (fun k => (Rabs (x k) + lost_at k) * w_error k) keys
    + g * over (fun k => (Rabs (x k) + carried (bounds k) + least k)
                         * (Rabs (w k) + w_error k + w_least k)) keys
    + h * s * (1 + g).
Proof.
  intros E C P U G N S M H K D; rewrite <- (Rplus_0_r (h * s * (1 + g))), <- Rplus_assoc.
  apply (decomposed_dot_off W u 0 n s m h t y a); try assumption.
  rewrite E, Rminus_diag_eq, Rabs_R0 by reflexivity; lra.
Qed.

(** Terms and weights of at most f k and f' k may count as zero: b is what is left of the terms, w'' of
    the weights. *)
Theorem flushed_dot (b : nat -> list R) (w'' : nat -> R) (f f' : nat -> R) (T : nat)
    (W u : R) (n : nat) (s m h : R) (t : tree) (y a : R) (g := gamma n u)
    (whole := fun k => Rabs (x k) + carried (bounds k)) (weight := fun k => Rabs (w k) + w_error k) :
  (forall k, In k keys -> Forall2 (dropped (f k)) (terms k) (b k)) ->
  (forall k, In k keys -> dropped (f' k) (w' k) (w'' k)) ->
  (forall k, In k keys -> length (remainders k) <= T)%nat ->
  (forall k, In k keys -> 0 <= f k /\ 0 <= f' k) ->
  exact_value t = over (fun k => sum (b k) * w'' k) keys ->
  counted t <= over (fun k => (sum (magnitudes (b k)) + least k) * (Rabs (w'' k) + w_least k)) keys ->
  proper t -> 0 <= u -> growth t <= (1 + u) ^ n -> INR n * u < 1 ->
  largest_scale t <= s -> unscaled t <= m -> absolute t <= h -> (1 + g) * (s * (m + h)) <= W ->
  computes W t y a ->
  Rabs (y - over (fun k => x k * w k) keys) <=
    over (fun k => lost_at k * Rabs (w k)) keys
    + over (fun k => (Rabs (x k) + lost_at k) * w_error k) keys
    + g * over (fun k => (whole k + least k) * (weight k + w_least k)) keys
    + h * s * (1 + g)
    + over (fun k => Rmin (whole k) (INR T * f k) * weight k + whole k * Rmin (weight k) (f' k)) keys.
Proof.
  intros B V L F0 E C; apply decomposed_dot_off; fold whole weight.
  - rewrite E, over_minus; apply Rle_trans with (1 := over_abs _ _), over_le; intros k K.
    destruct (dropped_sum (f k) _ _ (B k K)) as [S1 [S2 _]].
    destruct (dropped_error (f' k) _ _ (V k K)) as [V1 V2]; destruct (F0 k K) as [F1 F2].
    rewrite Rmax_right in S1, V1 by assumption.
    destruct (terms_carried (x k) _ _ (Hremainders k K) (Hbounds k K)) as [_ A].
    assert (U := weight_used k K); fold (weight k) in U; fold (whole k) in A.
    assert (Len : (length (terms k) <= T)%nat).
    { apply Nat.le_trans with (2 := L k K); clear; generalize (remainders k), (x k).
      intros rs; induction rs as [|r rs IH]; intros z; simpl; [lia | apply le_n_S, IH]. }
    apply le_INR, (Rmult_le_compat_r (f k)) in Len; [|exact F1].
    replace (sum (b k) * w'' k - sum (terms k) * w' k) with
      ((sum (b k) - sum (terms k)) * w' k + sum (b k) * (w'' k - w' k)) by ring.
    apply Rle_trans with (1 := Rabs_triang _ _); rewrite 2!Rabs_mult; apply Rplus_le_compat.
    + apply Rmult_le_compat; try apply Rabs_pos; [|exact U].
      apply Rle_trans with (1 := S1), Rmin_glb.
      * apply Rle_trans with (1 := Rmin_l _ _), A.
      * apply Rle_trans with (1 := Rmin_r _ _), Len.
    + apply Rmult_le_compat; try apply Rabs_pos; [lra|].
      apply Rle_trans with (1 := V1), Rmin_glb.
      * apply Rle_trans with (1 := Rmin_l _ _), U.
      * apply Rmin_r.
  - apply Rle_trans with (1 := C), over_le; intros k K.
    destruct (dropped_sum (f k) _ _ (B k K)) as [_ [_ S]].
    destruct (dropped_error (f' k) _ _ (V k K)) as [_ V2].
    destruct (Hleast k K) as [L1 L2].
    assert (P : 0 <= sum (magnitudes (b k))).
    { clear; generalize (b k); intros ts; induction ts as [|t ts IH]; simpl; [lra|].
      assert (A := Rabs_pos t); unfold magnitudes in *; lra. }
    assert (A := Rabs_pos (w'' k)); apply Rmult_le_compat; lra.
Qed.

End Whole.
