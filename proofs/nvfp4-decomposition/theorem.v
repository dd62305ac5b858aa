(** NVFP4: E2M1 elements, a block scale in E4M3 from the block's amax, a scale for the tensor. *)

From Msdnum Require Import Decomposition.
From Msdnum.nvfp4_decomposition Require lowest even_scale even_element.

(** * One pass *)

Definition cast4 (t : R) : R := saturate 6 (E2M1 t).

(** What the scale's code stands for: q is amax / 6 over the tensor's scale. *)
Definition block_scale (q : R) : R := saturate 448 (E4M3 q).

(** [pass eps T A x r]: with the tensor's scale T, an x of a block with amax A leaves r. Quotients
    and the product of scales are off by eps at most; 0 is exact arithmetic. *)
Definition pass (eps T A x r : R) : Prop :=
  exists q s t,
    Rabs (6 * T * q - A) <= eps * A /\ Rabs (s - block_scale q * T) <= eps * (block_scale q * T) /\
    (block_scale q = 0 /\ r = x \/ Rabs (s * t - x) <= eps * A /\ r = x - s * cast4 t).

(** ** The element: 6 is its largest number, 1 its largest error up to there *)

Lemma six_E2M1 : E2M1 6 = 6.
Proof.
  apply round_generic; [auto with typeclass_instances|].
  apply generic_format_FLT; exists (Float radix2 3 1); [unfold F2R; simpl; lra | simpl; lia | simpl; lia].
Qed.

Lemma E2M1_monotone x y : x <= y -> E2M1 x <= E2M1 y.
Proof.
  intros H; assert (P : Prec_gt_0 2) by reflexivity; apply round_le; auto with typeclass_instances.
Qed.

Lemma E2M1_odd x : E2M1 (- x) = - E2M1 x.
Proof. apply round_NE_opp. Qed.

Lemma cast4_odd x : cast4 (- x) = - cast4 x.
Proof.
  unfold cast4; rewrite E2M1_odd; set (y := E2M1 x); clearbody y.
  unfold saturate, Rmax, Rmin; repeat destruct Rle_dec; lra.
Qed.

Lemma cast4_error t : Rabs (t - cast4 t) <= Rmax 1 (Rabs t - 6).
Proof.
  enough (H : forall t, 0 <= t -> Rabs (t - cast4 t) <= Rmax 1 (t - 6)).
  { destruct (Rle_or_lt 0 t) as [P | P].
    - rewrite (Rabs_pos_eq t) by exact P; now apply H.
    - specialize (H (- t) ltac:(lra)); rewrite cast4_odd in H.
      rewrite (Rabs_left t) by exact P; rewrite <- Rabs_Ropp.
      now replace (- (t - cast4 t)) with (- t - - cast4 t) by ring. }
  clear t; intros t P; destruct (Rle_or_lt t 6) as [L | L].
  - assert (E : Rabs (E2M1 t) <= 6).
    { apply Rabs_le; split.
      - rewrite <- six_E2M1, <- E2M1_odd; apply E2M1_monotone; lra.
      - rewrite <- six_E2M1; now apply E2M1_monotone. }
    unfold cast4; rewrite saturate_id by exact E; rewrite Rabs_minus_sym.
    apply Rle_trans with (2 := Rmax_l _ _).
    apply (nearest_error (-1) 2 _ eq_refl 3); [lia | rewrite Rabs_pos_eq; simpl; lra].
  - assert (S : cast4 t = 6).
    { assert (E := E2M1_monotone 6 t ltac:(lra)); rewrite six_E2M1 in E.
      unfold cast4, saturate; rewrite Rmin_left by exact E; apply Rmax_right; lra. }
    rewrite S, Rabs_pos_eq by lra; apply Rmax_r.
Qed.

(** ** The scale: within a seventeenth of q, or at most 2^-6 and within 2^-10 *)

Lemma lowest_scale q : 0 <= q <= 17 / 1024 -> E4M3 q <= 1 / 64.
Proof. intros H; by_certificate (lowest.l1 q). Qed.

Lemma E4M3_pos q : 0 <= q -> 0 <= E4M3 q.
Proof.
  intros H; assert (P : Prec_gt_0 4) by reflexivity; unfold E4M3, binary.
  rewrite <- (round_0 radix2 (FLT_exp (-9) 4) ZnearestE); apply round_le; auto with typeclass_instances.
Qed.

Lemma E4M3_error q : 0 <= q -> Rabs (E4M3 q - q) <= Rmax (q / 17) (1 / 1024).
Proof.
  intros H; apply Rle_trans with (1 := nearest_relative (-9) 4 _ eq_refl q).
  rewrite (Rabs_pos_eq q H); apply Rmax_case_strong; intros _.
  - apply Rle_trans with (2 := Rmax_l _ _); simpl; lra.
  - apply Rle_trans with (2 := Rmax_r _ _); simpl; lra.
Qed.

Lemma block_scale_bounds q (S := block_scale q) :
  0 <= q -> 0 <= S <= Rmax (18 / 17 * q) (1 / 64) /\ (S = 448 \/ q - Rmax (q / 17) (1 / 1024) <= S).
Proof.
  intros H; assert (P := E4M3_pos q H); assert (E := E4M3_error q H); apply Rabs_le_inv in E.
  assert (U : E4M3 q <= Rmax (18 / 17 * q) (1 / 64)).
  { destruct (Rle_or_lt q (17 / 1024)) as [L | L].
    - apply Rle_trans with (2 := Rmax_r _ _); now apply lowest_scale.
    - rewrite Rmax_left in E by lra; apply Rle_trans with (2 := Rmax_l _ _); lra. }
  unfold S, block_scale, saturate; clear S; set (m := Rmax (q / 17) (1 / 1024)) in *.
  set (b := Rmax (18 / 17 * q) (1 / 64)) in *; clearbody m b.
  unfold Rmax, Rmin; repeat destruct Rle_dec; split; try split; try lra; try (left; lra); right; lra.
Qed.

(** ** What one pass leaves *)

Definition left_at_most (eps T A : R) : R :=
  Rmax ((1 + 8 * eps) * Rmax (3 / 17 * A) (T / 64)) ((1 + 2 * eps) * A - (1 - eps) * (2688 * T)).

Theorem one_pass eps T A x r :
  0 <= eps <= 1 / 64 -> 0 < T -> Rabs x <= A -> pass eps T A x r -> Rabs r <= left_at_most eps T A.
Proof.
  intros [He0 He1] HT Hx (q & s & t & Q & D & C).
  assert (HA : 0 <= A) by (apply Rle_trans with (2 := Hx), Rabs_pos).
  apply Rabs_le_inv in Q; assert (eA : 0 <= eps * A <= 1 / 64 * A) by nra.
  assert (Tq : 0 <= T * q) by lra.
  assert (Q0 : 0 <= q) by (apply Rmult_le_reg_l with T; lra).
  destruct (block_scale_bounds q Q0) as [[S0 SU] SL]; set (S := block_scale q) in *.
  apply Rabs_le_inv in D; unfold left_at_most; set (m := Rmax (3 / 17 * A) (T / 64)).
  assert (M1 : 3 / 17 * A <= m) by apply Rmax_l; assert (M2 : T / 64 <= m) by apply Rmax_r.
  assert (em : 0 <= eps * m <= 1 / 64 * m) by nra.
  (* q is not far above the scale unless that saturates *)
  assert (Low : S = 448 \/ 6 * (T * q) - Rmax (6 / 17 * (T * q)) (6 * T / 1024) <= 6 * (T * S)).
  { destruct SL as [SL | SL]; [now left | right].
    replace (Rmax (6 / 17 * (T * q)) (6 * T / 1024)) with (6 * T * Rmax (q / 17) (1 / 1024)).
    - assert (0 <= 6 * T * (S - (q - Rmax (q / 17) (1 / 1024)))) by (apply Rmult_le_pos; lra); lra.
    - rewrite <- RmaxRmult by lra; f_equal; field. }
  destruct C as [[Z ->] | [X ->]].
  { apply Rle_trans with (2 := Rmax_l _ _), Rle_trans with (1 := Hx).
    destruct Low as [L | L]; [lra|]; rewrite Z, Rmult_0_r, Rmult_0_r in L.
    revert L; unfold Rmax; destruct Rle_dec; lra. }
  set (c := cast4 t); assert (C := cast4_error t : Rabs (t - c) <= _).
  assert (TS : 0 <= T * S) by (apply Rmult_le_pos; lra).
  assert (eTS : 0 <= eps * (S * T) <= 1 / 64 * (S * T)) by nra.
  assert (s0 : 0 <= s) by lra.
  assert (R : Rabs (x - s * c) <= eps * A + Rmax s ((1 + eps) * A - 6 * s)).
  { replace (x - s * c) with (- (s * t - x) + s * (t - c)) by ring.
    apply Rle_trans with (1 := Rabs_triang _ _); rewrite Rabs_Ropp; apply Rplus_le_compat; [exact X|].
    rewrite Rabs_mult, (Rabs_pos_eq s s0); apply Rle_trans with (s * Rmax 1 (Rabs t - 6)).
    { now apply Rmult_le_compat_l. }
    assert (B : s * Rabs t <= Rabs x + eps * A).
    { rewrite <- (Rabs_pos_eq s s0), <- Rabs_mult; replace (s * t) with (x + (s * t - x)) by ring.
      apply Rle_trans with (1 := Rabs_triang _ _); lra. }
    rewrite <- RmaxRmult by exact s0; apply Rmax_lub.
    - rewrite Rmult_1_r; apply Rmax_l.
    - apply Rle_trans with (2 := Rmax_r _ _); lra. }
  apply Rle_trans with (1 := R); clear R.
  (* rounding: s is hardly above m *)
  assert (Up : s <= (1 + eps) * (1 + eps) * m).
  { assert (TU : T * S <= (1 + eps) * m).
    { apply Rle_trans with (T * Rmax (18 / 17 * q) (1 / 64)); [apply Rmult_le_compat_l; lra|].
      rewrite <- RmaxRmult by lra; apply Rmax_lub; [|lra].
      apply Rle_trans with (3 / 17 * ((1 + eps) * A)); [lra|].
      rewrite <- Rmult_assoc, (Rmult_comm (3 / 17)), Rmult_assoc; apply Rmult_le_compat_l; lra. }
    rewrite Rmult_assoc; apply Rle_trans with ((1 + eps) * (T * S)); [lra|].
    apply Rmult_le_compat_l; lra. }
  assert (eem : 0 <= eps * (eps * m) <= 1 / 64 * (eps * m)) by nra.
  assert (EA : eps * A <= eps * (17 / 3 * m)) by (apply Rmult_le_compat_l; lra).
  assert (eeA : 0 <= eps * (eps * A)) by (apply Rmult_le_pos; lra).
  assert (eT : 0 <= eps * T) by (apply Rmult_le_pos; lra).
  destruct (Rle_or_lt ((1 + eps) * A - 6 * s) s) as [L | L].
  { rewrite Rmax_left by exact L; apply Rle_trans with (2 := Rmax_l _ _); lra. }
  rewrite Rmax_right by lra; destruct Low as [Sat | Low].
  { apply Rle_trans with (2 := Rmax_r _ _); rewrite Sat in D; lra. }
  apply Rle_trans with (2 := Rmax_l _ _).
  assert (D' : (1 - eps) * (T * S) <= s) by lra.
  assert (LowS : (1 - eps) * (6 * (T * q) - Rmax (6 / 17 * (T * q)) (6 * T / 1024)) <= 6 * s).
  { apply Rle_trans with ((1 - eps) * (6 * (T * S))); [apply Rmult_le_compat_l|]; lra. }
  assert (QS : (1 - eps) * ((1 - eps) * A) <= (1 - eps) * (6 * (T * q))).
  { apply Rmult_le_compat_l; lra. }
  revert LowS; unfold Rmax; destruct Rle_dec; intros LowS; lra.
Qed.

(** In exact arithmetic. A quotient by 0 is 0 in Coq, so that a scale of 0 leaves x. *)
Definition exact_scale (T A : R) : R := block_scale (A / (6 * T)) * T.
Definition remainder_of (s x : R) : R := x - s * cast4 (x / s).

Lemma exact_pass T A x : 0 < T -> pass 0 T A x (remainder_of (exact_scale T A) x).
Proof.
  intros HT; set (S := block_scale (A / (6 * T))).
  exists (A / (6 * T)), (exact_scale T A), (x / exact_scale T A).
  split; [|split].
  - right; replace (6 * T * (A / (6 * T)) - A) with 0 by (field; lra); rewrite Rabs_R0; ring.
  - right; unfold exact_scale; fold S; rewrite Rminus_diag_eq, Rabs_R0 by reflexivity; ring.
  - destruct (Req_dec S 0) as [Z | N]; [left | right]; fold S.
    + split; [exact Z|]; unfold remainder_of, exact_scale; fold S; rewrite Z; ring.
    + split; [|reflexivity]; right; assert (exact_scale T A <> 0).
      { unfold exact_scale; fold S; intros E; apply Rmult_integral in E; lra. }
      replace (exact_scale T A * (x / exact_scale T A) - x) with 0 by (field; assumption).
      rewrite Rabs_R0; ring.
Qed.

Theorem one_exact_pass T A x :
  0 < T -> Rabs x <= A ->
  Rabs (remainder_of (exact_scale T A) x) <= Rmax (Rmax (3 / 17 * A) (T / 64)) (A - 2688 * T).
Proof.
  intros HT HX; assert (H := one_pass 0 T A x _ ltac:(lra) HT HX (exact_pass T A x HT)).
  unfold left_at_most in H; replace (1 + 8 * 0) with 1 in H by ring; rewrite Rmult_1_l in H.
  now replace ((1 + 2 * 0) * A - (1 - 0) * (2688 * T)) with (A - 2688 * T) in H by ring.
Qed.

Lemma normal_from q : 0 <= q -> 1 / 64 <= block_scale q -> 15 / 1024 <= q.
Proof.
  intros Q HS; assert (P := E4M3_pos q Q); assert (D := E4M3_error q Q); apply Rabs_le_inv in D.
  assert (B : 1 / 64 <= E4M3 q).
  { revert HS; unfold block_scale, saturate, Rmax, Rmin; repeat destruct Rle_dec; lra. }
  revert D; unfold Rmax; destruct Rle_dec; lra.
Qed.

(** The block's scale is normal, and T no smaller than the tensor's amax asks for. *)
Theorem normal_scale T A x :
  0 < T -> Rabs x <= A <= 2688 * T -> 1 / 64 <= block_scale (A / (6 * T)) ->
  Rabs (remainder_of (exact_scale T A) x) <= 8 / 45 * A.
Proof.
  intros HT [HX HA] HS; apply Rle_trans with (1 := one_exact_pass T A x HT HX).
  assert (A0 : 0 <= A) by (apply Rle_trans with (2 := HX), Rabs_pos).
  set (q := A / (6 * T)) in HS; assert (E : A = 6 * (T * q)) by (unfold q; field; lra).
  assert (Q : 0 <= q) by (apply Rmult_le_reg_l with T; lra).
  assert (L := normal_from q Q HS).
  assert (M : T * (15 / 1024) <= T * q) by (apply Rmult_le_compat_l; lra).
  repeat apply Rmax_lub; lra.
Qed.

(** * Any number of passes, each with scales of its own *)

Definition is_amax {I : Type} (x : I -> R) (m : R) : Prop :=
  (forall i, Rabs (x i) <= m) /\ exists i, Rabs (x i) = m.

(** A tensor by block and place; T within eps of its amax over 2688. *)
Inductive leaves (eps : R) : nat -> (nat -> nat -> R) -> (nat -> nat -> R) -> Prop :=
| leaves_all x : leaves eps 0 x x
| leaves_pass n x A X T r y :
    (forall b, is_amax (x b) (A b)) -> is_amax A X -> Rabs (2688 * T - X) <= eps * X ->
    (forall b i, pass eps T (A b) (x b i) (r b i)) -> leaves eps n r y -> leaves eps (S n) x y.

Definition in_tensor (A X : R) : R := Rmax (3 / 17 * A) (X / 172032).

Theorem one_pass_in_tensor eps T A X x r :
  0 <= eps <= 1 / 64 -> Rabs (2688 * T - X) <= eps * X -> Rabs x <= A <= X ->
  pass eps T A x r -> Rabs r <= (1 + 10 * eps) * in_tensor A X.
Proof.
  intros He HT [Hx HA] P; apply Rabs_le_inv in HT.
  assert (A0 : 0 <= A) by (apply Rle_trans with (2 := Hx), Rabs_pos).
  unfold in_tensor; set (m := Rmax (3 / 17 * A) (X / 172032)).
  assert (M1 : 3 / 17 * A <= m) by apply Rmax_l; assert (M2 : X / 172032 <= m) by apply Rmax_r.
  assert (em : 0 <= eps * m) by (apply Rmult_le_pos; lra).
  assert (eem : 0 <= eps * (eps * m) <= 1 / 64 * (eps * m)) by nra.
  assert (eX : 0 <= eps * X <= 1 / 64 * X) by nra.
  assert (eA : 0 <= eps * A <= 1 / 64 * A) by nra.
  destruct (Rle_lt_or_eq_dec 0 X ltac:(lra)) as [PX | <-].
  - apply Rle_trans with (1 := one_pass eps T A x r He ltac:(lra) Hx P); apply Rmax_lub.
    + apply Rle_trans with ((1 + 8 * eps) * ((1 + eps) * m)); [|lra].
      apply Rmult_le_compat_l; [lra|]; apply Rmax_lub; [lra|].
      assert (eps * (X / 172032) <= eps * m) by (apply Rmult_le_compat_l; lra); lra.
    + assert ((1 - eps) * ((1 - eps) * X) <= (1 - eps) * (2688 * T)) by (apply Rmult_le_compat_l; lra).
      assert ((1 - eps) * ((1 - eps) * A) <= (1 - eps) * ((1 - eps) * X)).
      { repeat apply Rmult_le_compat_l; lra. }
      assert (0 <= eps * (eps * A)) by (apply Rmult_le_pos; lra); lra.
  - assert (Z : x = 0) by (assert (B := Rabs_pos x); apply Rabs_le_inv in Hx; lra).
    destruct P as (q & s & t & _ & D & [[_ ->] | [_ ->]]); rewrite Z.
    + rewrite Rabs_R0; lra.
    + assert (T0 : T = 0) by lra; apply Rabs_le_inv in D; rewrite T0, !Rmult_0_r in D.
      replace s with 0 by lra; rewrite Rmult_0_l, Rminus_0_r, Rabs_R0; lra.
Qed.

Lemma amax_unique {I : Type} (x x' : I -> R) m m' :
  (forall i, x i = x' i) -> is_amax x m -> is_amax x' m' -> m = m'.
Proof.
  intros E [B (i & M)] [B' (i' & M')].
  assert (H := B i'); assert (H' := B' i); rewrite <- E in H', M'; lra.
Qed.

Lemma amax_pos {I : Type} (x : I -> R) m : is_amax x m -> 0 <= m.
Proof. intros [_ (i & <-)]; apply Rabs_pos. Qed.

Lemma first_pass eps n x y A X :
  0 <= eps <= 1 / 64 -> (forall b, is_amax (x b) (A b)) -> is_amax A X -> leaves eps (S n) x y ->
  exists r, (forall b i, Rabs (r b i) <= (1 + 10 * eps) * in_tensor (A b) X) /\ leaves eps n r y.
Proof.
  intros He HA HX L; inversion L as [|n' x' A' X' T r y' HA' HX' HT P L']; subst.
  exists r; split; [|exact L']; intros b i.
  assert (EA : forall b, A b = A' b).
  { intros c; exact (amax_unique _ _ _ _ (fun _ => eq_refl) (HA c) (HA' c)). }
  rewrite <- (amax_unique _ _ _ _ EA HX HX') in HT.
  apply (one_pass_in_tensor eps T (A b) X (x b i)); [exact He | exact HT | | rewrite EA; apply P].
  split; [apply (proj1 (HA b)) | apply Rle_trans with (1 := Rle_abs _); apply (proj1 HX)].
Qed.

Theorem n_passes eps n x y A X :
  0 <= eps <= 1 / 64 -> (forall b, is_amax (x b) (A b)) -> is_amax A X -> leaves eps (S n) x y ->
  forall b i, Rabs (y b i) <= (1 + 10 * eps) ^ S n * (3 / 17) ^ n * in_tensor (A b) X.
Proof.
  intros He; revert x A X; induction n as [|n IH]; intros x A X HA HX L b i;
    destruct (first_pass eps _ x y A X He HA HX L) as (r & One & L').
  - inversion L'; subst; simpl; specialize (One b i); lra.
  - set (K := 1 + 10 * eps) in *; assert (HK : 1 <= K) by (unfold K; lra).
    inversion L' as [|n'' x'' A2 X2 T2 r2 y'' HA2 HX2 _ _ _]; subst.
    assert (A2b : forall c, A2 c <= K * in_tensor (A c) X).
    { intros c; destruct (HA2 c) as [_ (j & <-)]; apply One. }
    assert (X0 := amax_pos _ _ HX).
    assert (X2b : X2 <= K * (3 / 17 * X)).
    { destruct HX2 as [_ (c & <-)]; rewrite Rabs_pos_eq by (apply (amax_pos (r c)), HA2).
      apply Rle_trans with (1 := A2b c), Rmult_le_compat_l; [lra|].
      assert (A c <= X) by (apply Rle_trans with (1 := Rle_abs _); apply (proj1 HX)).
      apply Rmax_lub; lra. }
    apply Rle_trans with (1 := IH r A2 X2 HA2 HX2 L' b i).
    replace (K ^ S (S n) * (3 / 17) ^ S n * in_tensor (A b) X)
      with (K ^ S n * (3 / 17) ^ n * (K * (3 / 17) * in_tensor (A b) X)) by (simpl; ring).
    apply Rmult_le_compat_l; [apply Rmult_le_pos; apply pow_le; lra|].
    assert (M : X / 172032 <= in_tensor (A b) X) by apply Rmax_r.
    apply (Rmult_le_compat_l K) in M; [|lra].
    unfold in_tensor at 1; apply Rmax_lub; [specialize (A2b b); lra | lra].
Qed.

(** Where the first scale is normal: 8/45 of amax, and 8/255 after a second pass. *)
Theorem normal_in_tensor A X :
  0 < X -> 0 <= A -> 1 / 64 <= block_scale (A / (6 * (X / 2688))) -> in_tensor A X <= 8 / 45 * A.
Proof.
  intros HX A0 HS; set (q := A / (6 * (X / 2688))) in HS.
  assert (E : A = 6 * (X / 2688 * q)) by (unfold q; field; lra).
  assert (Q : 0 <= q) by (apply Rmult_le_reg_l with (X / 2688); lra).
  assert (L := normal_from q Q HS); unfold in_tensor.
  assert (X / 2688 * (15 / 1024) <= X / 2688 * q) by (apply Rmult_le_compat_l; lra).
  apply Rmax_lub; lra.
Qed.

(** * Attained *)

Lemma five : cast4 5 = 4.
Proof.
  assert (E : E2M1 5 = 4).
  { apply Rle_antisym; [by_certificate even_element.l1|].
    replace 4 with (E2M1 4) at 1; [apply E2M1_monotone; lra|].
    apply round_generic; [auto with typeclass_instances|]; apply generic_format_FLT.
    exists (Float radix2 1 2); [unfold F2R; simpl; lra | simpl; lia | simpl; lia]. }
  unfold cast4; rewrite E; apply saturate_id; rewrite Rabs_pos_eq; lra.
Qed.

Lemma five_scales s : 0 < s -> remainder_of s (5 * s) = s.
Proof.
  intros S; unfold remainder_of; replace (5 * s / s) with 5 by (field; lra); rewrite five; ring.
Qed.

(** The smallest normal scale: amax is 45/512 of T, and 5/64 T leaves T/64, 8/45 of amax. *)
Theorem attained T (A := 45 / 512 * T) :
  0 < T -> block_scale (A / (6 * T)) = 1 / 64 /\
  remainder_of (exact_scale T A) (5 / 64 * T) = T / 64 /\ T / 64 = 8 / 45 * A.
Proof.
  intros HT; assert (Q : A / (6 * T) = 15 / 1024) by (unfold A; field; lra).
  assert (E : block_scale (A / (6 * T)) = 1 / 64).
  { rewrite Q; assert (F : E4M3 (15 / 1024) = 1 / 64).
    { apply Rle_antisym; [apply lowest_scale; lra | by_certificate even_scale.l1]. }
    unfold block_scale; rewrite F; apply saturate_id; rewrite Rabs_pos_eq; lra. }
  unfold exact_scale; rewrite E; split; [reflexivity|]; split; [|unfold A; field].
  replace (5 / 64 * T) with (5 * (1 / 64 * T)) by field; rewrite five_scales by lra; field.
Qed.

(** A scale that rounds up by all but d of half its spacing: 3/17 of amax as nearly as one likes. *)
Theorem approached T d (A := 6 * (17 / 16 + d) * T) :
  0 < T -> 0 < d < 1 / 8 ->
  3 / 17 * A - remainder_of (exact_scale T A) (45 / 8 * T) = 18 / 17 * d * T.
Proof.
  intros HT D; assert (Q : A / (6 * T) = 17 / 16 + d) by (unfold A; field; lra).
  assert (P : Prec_gt_0 4) by reflexivity; set (fexp := FLT_exp (-9) 4).
  assert (V : Valid_exp fexp) by (unfold fexp; auto with typeclass_instances).
  assert (F1 : generic_format radix2 fexp 1).
  { apply generic_format_FLT; exists (Float radix2 1 0); [unfold F2R; simpl; lra | simpl; lia | simpl; lia]. }
  assert (F9 : generic_format radix2 fexp (9 / 8)).
  { apply generic_format_FLT; exists (Float radix2 9 (-3)); [unfold F2R; simpl; lra | simpl; lia | simpl; lia]. }
  assert (U : forall x, 1 <= x < 2 -> ulp radix2 fexp x = 1 / 8).
  { intros x X; rewrite ulp_neq_0 by lra; unfold cexp; rewrite (mag_unique_pos radix2 x 1).
    - unfold fexp, FLT_exp; simpl; lra.
    - simpl; lra. }
  assert (S1 : succ radix2 fexp 1 = 9 / 8) by (rewrite succ_eq_pos, U by lra; lra).
  assert (S9 : succ radix2 fexp (9 / 8) = 10 / 8) by (rewrite succ_eq_pos, U by lra; lra).
  assert (P9 : pred radix2 fexp (9 / 8) = 1) by (rewrite <- S1; now apply pred_succ).
  assert (E : block_scale (A / (6 * T)) = 9 / 8).
  { rewrite Q; assert (F : E4M3 (17 / 16 + d) = 9 / 8).
    { apply Rle_antisym.
      - apply round_N_le_midp; [exact V | exact F9 | fold fexp; rewrite S9; lra].
      - apply round_N_ge_midp; [exact V | exact F9 | fold fexp; rewrite P9; lra]. }
    unfold block_scale; rewrite F; apply saturate_id; rewrite Rabs_pos_eq; lra. }
  unfold exact_scale; rewrite E; replace (45 / 8 * T) with (5 * (9 / 8 * T)) by field.
  rewrite five_scales by lra; unfold A; field.
Qed.
