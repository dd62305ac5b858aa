(** MXFP4 in two passes under each scale rule: s2 = s1/8, or by its own amax; casts saturate at 6. *)

From Msdnum Require Import Decomposition.
From Msdnum.mxfp4_scale_rules Require to_two to_six two four covering.

Local Instance prec_gt_0_2 : Prec_gt_0 2 := eq_refl.

Definition cast (t : R) : R := saturate 6 (E2M1 t).
Definition residual (t : R) : R := t - cast t - cast (8 * (t - cast t)) / 8.

(** * One cast *)

Lemma E2M1_opp t : E2M1 (- t) = - E2M1 t.
Proof. apply round_NE_opp. Qed.

Lemma cast_opp t : cast (- t) = - cast t.
Proof.
  unfold cast, saturate; rewrite E2M1_opp.
  unfold Rmax, Rmin; repeat destruct Rle_dec; lra.
Qed.

Lemma residual_opp t : residual (- t) = - residual t.
Proof.
  unfold residual; rewrite cast_opp.
  replace (8 * (- t - - cast t)) with (- (8 * (t - cast t))) by ring.
  rewrite cast_opp; field.
Qed.

Lemma E2M1_to_six t : Rabs t <= 6 -> Rabs (E2M1 t) <= 6.
Proof.
  intros H; apply abs_round_le_generic; auto with typeclass_instances.
  apply generic_format_FLT; exists (Float radix2 3 1);
    [unfold F2R; simpl; lra | reflexivity | simpl; lia].
Qed.

Lemma cast_unsaturated t : Rabs t <= 6 -> cast t = E2M1 t.
Proof. intros H; now apply saturate_id, E2M1_to_six. Qed.

Lemma cast_saturated t : 6 <= t -> cast t = 6.
Proof.
  intros H; unfold cast, saturate.
  assert (6 <= E2M1 t).
  { apply round_ge_generic; auto with typeclass_instances.
    apply generic_format_FLT; exists (Float radix2 3 1);
      [unfold F2R; simpl; lra | reflexivity | simpl; lia]. }
  rewrite Rmin_left, Rmax_right; lra.
Qed.

Lemma cast_four t : 4 <= t <= 5 -> cast t = 4.
Proof.
  intros H; rewrite cast_unsaturated by (rewrite Rabs_pos_eq; lra).
  assert (C : Rabs (E2M1 t - 4) <= 0) by by_certificate (four.l1 t).
  apply Rabs_le_inv in C; lra.
Qed.

Lemma cast_two t : 2 <= t <= 5 / 2 -> cast t = 2.
Proof.
  intros H; rewrite cast_unsaturated by (rewrite Rabs_pos_eq; lra).
  assert (C : Rabs (E2M1 t - 2) <= 0) by by_certificate (two.l1 t).
  apply Rabs_le_inv in C; lra.
Qed.

Lemma cast_error t : Rabs (t - cast t) <= Rmax 1 (Rabs t - 6).
Proof.
  destruct (Rle_or_lt (Rabs t) 6) as [L | L].
  - rewrite cast_unsaturated, Rabs_minus_sym by exact L; apply Rle_trans with (2 := Rmax_l _ _).
    by_certificate (to_six.l1 t).
  - apply Rle_trans with (2 := Rmax_r _ _); unfold Rabs in L; destruct (Rcase_abs t).
    + rewrite <- (Ropp_involutive t), cast_opp, cast_saturated by lra.
      rewrite (Rabs_left1 (- - t)), Rabs_left1; lra.
    + rewrite cast_saturated, !Rabs_pos_eq; lra.
Qed.

Lemma small_cast_error t : Rabs t <= 2 -> Rabs (t - cast t) <= / 4.
Proof.
  intros H; rewrite cast_unsaturated, Rabs_minus_sym by lra.
  apply Rle_trans with (1 / 4); [by_certificate (to_two.l1 t) | lra].
Qed.

Lemma residual_second t : Rabs (residual t) = Rabs (8 * (t - cast t) - cast (8 * (t - cast t))) / 8.
Proof.
  unfold residual; replace (t - _ - _) with ((8 * (t - cast t) - cast (8 * (t - cast t))) / 8) by field.
  unfold Rdiv; rewrite Rabs_mult, (Rabs_pos_eq (/ 8)); lra.
Qed.

Lemma residual_error t r : Rabs (t - cast t) <= r -> Rabs (residual t) <= Rmax (/ 8) (r - 3 / 4).
Proof.
  intros H; rewrite residual_second.
  assert (C := cast_error (8 * (t - cast t))).
  rewrite Rabs_mult, (Rabs_pos_eq 8) in C by lra.
  revert C; unfold Rmax; repeat destruct Rle_dec; lra.
Qed.

(** * Two passes, in units of s1: t = x/s1 *)

Theorem any_rule t : Rabs (residual t) <= Rmax (1 / 4) (Rabs t - 27 / 4).
Proof.
  apply Rle_trans with (1 := residual_error t _ (cast_error t)).
  unfold Rmax; repeat destruct Rle_dec; lra.
Qed.

Theorem covering_range t : Rabs t <= 4 -> Rabs (residual t) <= 1 / 16.
Proof.
  intros H; unfold residual; rewrite (cast_unsaturated t) by lra.
  assert (D := cast_error t); rewrite (cast_unsaturated t) in D by lra.
  assert (E : Rabs (t - E2M1 t) <= / 2).
  { rewrite Rabs_minus_sym; apply (nearest_error (-1) 2 _ eq_refl 2); [lia | simpl; lra]. }
  rewrite cast_unsaturated by (rewrite Rabs_mult, (Rabs_pos_eq 8); lra).
  rewrite <- Rabs_Ropp; replace (- (t - _ - _)) with (E2M1 t + E2M1 (8 * (t - E2M1 t)) / 8 - t) by ring.
  by_certificate (covering.l1 t).
Qed.

(** Saturation: beyond 27/4 the second pass is full and the rest is lost. *)
Theorem saturated t : 27 / 4 <= t -> residual t = t - 27 / 4.
Proof.
  intros H; unfold residual; rewrite (cast_saturated t) by lra.
  rewrite cast_saturated by lra; field.
Qed.

Theorem tie_at_five : residual 5 = 1 / 4.
Proof.
  unfold residual; rewrite (cast_four 5) by lra; rewrite cast_saturated by lra; field.
Qed.

(** * The four rules, in units of amax = A. What a rule says of s1 is that A/s1 is in a range. *)

Lemma scaled s A c x :
  0 < s -> Rabs x <= A ->
  (forall t, 0 <= t <= A / s -> Rabs (residual t) <= c * (A / s)) ->
  Rabs (s * residual (x / s)) <= c * A.
Proof.
  intros Hs Hx H; rewrite Rabs_mult, (Rabs_pos_eq s) by lra.
  replace (c * A) with (s * (c * (A / s))) by (field; lra).
  apply Rmult_le_compat_l; [lra|].
  assert (P : 0 < / s) by now apply Rinv_0_lt_compat.
  apply Rabs_le_inv in Hx; destruct (Rle_or_lt 0 x) as [L | L].
  - apply H; unfold Rdiv; split; [apply Rmult_le_pos; lra | apply Rmult_le_compat_r; lra].
  - rewrite <- (Rabs_Ropp (residual _)), <- residual_opp.
    replace (- (x / s)) with (- x / s) by (field; lra).
    apply H; unfold Rdiv; split; [apply Rmult_le_pos; lra | apply Rmult_le_compat_r; lra].
Qed.

Ltac range A s := intros Hs HA Hx; apply scaled; [exact Hs | exact Hx |];
  intros t Ht; set (a := A / s) in *; clearbody a.

(** floor: amax in [4 s1, 8 s1). The constant is a supremum, approached as amax -> 8 s1. *)
Theorem floor_rule s A x :
  0 < s -> 4 <= A / s <= 8 -> Rabs x <= A -> Rabs (s * residual (x / s)) <= 5 / 32 * A.
Proof.
  range A s; apply Rle_trans with (1 := any_rule t); rewrite Rabs_pos_eq by lra.
  apply Rmax_lub; lra.
Qed.

(** Up to 7 s1 no term loses more than a twentieth of amax. *)
Lemma to_seven a t : 0 <= t <= a -> 3 <= a <= 7 -> Rabs (residual t) <= 1 / 20 * a.
Proof.
  intros Ht Ha; destruct (Rle_or_lt t 4) as [L | L].
  { apply Rle_trans with (1 / 16); [apply covering_range; rewrite Rabs_pos_eq; lra | lra]. }
  destruct (Rle_or_lt t 5) as [L' | L'].
  - assert (E : Rabs (t - cast t) <= t - 4) by (rewrite cast_four, Rabs_pos_eq; lra).
    apply Rle_trans with (1 := residual_error t _ E); apply Rmax_lub; lra.
  - apply Rle_trans with (1 := any_rule t); rewrite Rabs_pos_eq by lra; apply Rmax_lub; lra.
Qed.

(** even: amax in [3.5 s1, 7 s1). Attained at amax = x = 5 s1. *)
Theorem even_rule s A x :
  0 < s -> 7 / 2 <= A / s <= 7 -> Rabs x <= A -> Rabs (s * residual (x / s)) <= 1 / 20 * A.
Proof. range A s; apply to_seven; [exact Ht | split; lra]. Qed.

(** rceil: amax in (3 s1, 6 s1]. Attained at amax = x = 5 s1. *)
Theorem rceil_rule s A x :
  0 < s -> 3 <= A / s <= 6 -> Rabs x <= A -> Rabs (s * residual (x / s)) <= 1 / 20 * A.
Proof. range A s; apply to_seven; [exact Ht | split; lra]. Qed.

(** covering (ceil): amax in (2 s1, 4 s1]. Attained at amax = x = 37/16 s1. *)
Theorem covering_rule s A x :
  0 < s -> 2 <= A / s <= 4 -> Rabs x <= A -> Rabs (s * residual (x / s)) <= 1 / 37 * A.
Proof.
  range A s; destruct (Rle_or_lt (37 / 16) t) as [L | L].
  { apply Rle_trans with (1 / 16); [apply covering_range; rewrite Rabs_pos_eq; lra | lra]. }
  rewrite residual_second; destruct (Rle_or_lt t 2) as [L' | L'].
  - assert (E : Rabs (t - cast t) <= / 4) by (apply small_cast_error; rewrite Rabs_pos_eq; lra).
    assert (F : Rabs (8 * (t - cast t)) <= 2) by (rewrite Rabs_mult, (Rabs_pos_eq 8); lra).
    assert (G := small_cast_error _ F); lra.
  - rewrite (cast_two t) by lra; destruct (Rle_or_lt (8 * (t - 2)) 2) as [K | K].
    + assert (F : Rabs (8 * (t - 2)) <= 2) by (rewrite Rabs_pos_eq; lra).
      assert (G := small_cast_error _ F); lra.
    + rewrite cast_two, Rabs_pos_eq; lra.
Qed.

(** The same in units of alpha, the covering power of two: 5/32, 1/32, 1/32 and 1/64. *)
Theorem floor_alpha s A alpha x :
  0 < s -> 4 <= A / s <= 8 -> Rabs x <= A -> A <= alpha ->
  Rabs (s * residual (x / s)) <= 5 / 32 * alpha.
Proof. intros Hs HA Hx L; apply Rle_trans with (1 := floor_rule s A x Hs HA Hx); lra. Qed.

Theorem even_rceil_alpha s A alpha x :
  0 < s -> A / s <= 7 -> Rabs x <= A -> A <= alpha -> alpha = 4 * s \/ alpha = 8 * s ->
  Rabs (s * residual (x / s)) <= 1 / 32 * alpha.
Proof.
  intros Hs HA Hx L Alpha.
  assert (T : Rabs (x / s) <= A / s).
  { unfold Rdiv; rewrite Rabs_mult, Rabs_inv, (Rabs_pos_eq s) by lra.
    apply Rmult_le_compat_r; [left; now apply Rinv_0_lt_compat | exact Hx]. }
  assert (B : Rabs (residual (x / s)) <= 1 / 32 * (alpha / s)).
  { destruct Alpha as [-> | ->].
    - assert (A / s <= 4).
      { apply Rmult_le_reg_r with s; [exact Hs|]; unfold Rdiv; rewrite Rmult_assoc, Rinv_l; lra. }
      replace (4 * s / s) with 4 by (field; lra).
      apply Rle_trans with (1 / 16); [apply covering_range; lra | lra].
    - replace (8 * s / s) with 8 by (field; lra).
      apply Rle_trans with (1 := any_rule _); apply Rmax_lub; lra. }
  rewrite Rabs_mult, (Rabs_pos_eq s) by lra.
  replace (1 / 32 * alpha) with (s * (1 / 32 * (alpha / s))) by (field; lra).
  apply Rmult_le_compat_l; lra.
Qed.

Theorem covering_alpha s x :
  0 < s -> Rabs (x / s) <= 4 -> Rabs (s * residual (x / s)) <= 1 / 64 * (4 * s).
Proof.
  intros Hs T; rewrite Rabs_mult, (Rabs_pos_eq s) by lra.
  replace (1 / 64 * (4 * s)) with (s * (1 / 16)) by field.
  apply Rmult_le_compat_l; [lra | now apply covering_range].
Qed.

Theorem covering_attained : residual (37 / 16) = 1 / 16.
Proof.
  unfold residual; rewrite (cast_two (37 / 16)) by lra.
  rewrite cast_two by lra; field.
Qed.

(** * Each scale by the remainder's own amax: s2 = 2^k s1, found by the rule in A', the largest |r1| *)

Definition left (s x : R) : R := x - s * cast (x / s).

Lemma left_abs s x : 0 < s -> Rabs (left s x) = s * Rabs (x / s - cast (x / s)).
Proof.
  intros Hs; unfold left; replace (x - s * _) with (s * (x / s - cast (x / s))) by (field; lra).
  now rewrite Rabs_mult, (Rabs_pos_eq s) by lra.
Qed.

Lemma over s x b : 0 < s -> Rabs x <= b * s -> Rabs (x / s) <= b.
Proof.
  intros Hs H; unfold Rdiv; rewrite Rabs_mult, Rabs_inv, (Rabs_pos_eq s) by lra.
  apply Rmult_le_reg_r with s; [exact Hs|]; rewrite Rmult_assoc, Rinv_l; lra.
Qed.

Lemma over_abs s x : 0 < s -> s * Rabs (x / s) = Rabs x.
Proof.
  intros Hs; unfold Rdiv; rewrite Rabs_mult, Rabs_inv, (Rabs_pos_eq s) by lra; field; lra.
Qed.

(** What one term leaves, by how far it reaches. *)
Lemma left_any s x : 0 < s -> Rabs (left s x) <= Rmax s (Rabs x - 6 * s).
Proof.
  intros Hs; rewrite left_abs, <- (over_abs s x Hs) by exact Hs.
  assert (C := cast_error (x / s)); revert C; unfold Rmax; repeat destruct Rle_dec; nra.
Qed.

Lemma left_four s x : 0 < s -> Rabs x <= 4 * s -> Rabs (left s x) <= s / 2.
Proof.
  intros Hs H; assert (T := over s x 4 Hs H); rewrite left_abs by exact Hs.
  assert (E : Rabs (x / s - cast (x / s)) <= / 2).
  { rewrite cast_unsaturated, Rabs_minus_sym by lra.
    apply (nearest_error (-1) 2 _ eq_refl 2); [lia | simpl; lra]. }
  nra.
Qed.

Lemma left_five s x : 0 < s -> Rabs x <= 5 * s -> Rabs (left s x) <= Rmax (s / 2) (Rabs x - 4 * s).
Proof.
  intros Hs H; destruct (Rle_or_lt (Rabs x) (4 * s)) as [L | L].
  { apply Rle_trans with (2 := Rmax_l _ _); now apply left_four. }
  apply Rle_trans with (2 := Rmax_r _ _); rewrite left_abs, <- (over_abs s x Hs) by exact Hs.
  assert (T := over s x 5 Hs H); rewrite <- (over_abs s x Hs) in L.
  assert (F : 4 <= Rabs (x / s)) by nra.
  assert (E : Rabs (x / s - cast (x / s)) <= Rabs (x / s) - 4); [|nra].
  unfold Rabs in F, T; unfold Rabs at 2; destruct (Rcase_abs (x / s)).
  - rewrite <- (Ropp_involutive (x / s)) at 1 2; rewrite cast_opp, cast_four by lra.
    rewrite Rabs_left1; lra.
  - rewrite cast_four, Rabs_pos_eq; lra.
Qed.

Lemma power_below k j s s' : 0 < s -> s' = pow2 k * s -> s' < 2 * (pow2 j * s) -> s' <= pow2 j * s.
Proof.
  intros Hs -> H; apply Rmult_le_compat_r; [lra|]; apply bpow_le.
  assert (L : pow2 k < pow2 (j + 1)).
  { rewrite bpow_plus; simpl; apply Rmult_lt_reg_r with s; [exact Hs | lra]. }
  apply lt_bpow in L; lia.
Qed.

Section OwnAmax.

Variables (k : Z) (s1 s2 A x y : R).
Hypothesis Hs1 : 0 < s1.
Hypothesis Hs2 : s2 = pow2 k * s1.
Hypothesis Hx : Rabs x <= A.
Hypothesis Hy : Rabs y <= A. (* y is the element of the block that the first term serves worst *)
Hypothesis Worst : Rabs (left s1 x) <= Rabs (left s1 y).
Notation A' := (Rabs (left s1 y)).

Let s2_pos : 0 < s2.
Proof. rewrite Hs2; apply Rmult_lt_0_compat; [apply bpow_gt_0 | exact Hs1]. Qed.

Let below j : s2 < 2 * (pow2 j * s1) -> s2 <= pow2 j * s1.
Proof. exact (power_below k j s1 s2 Hs1 Hs2). Qed.

Let below_quarter : s2 < 2 * (/ 4 * s1) -> s2 <= / 4 * s1.
Proof. exact (below (-2)). Qed.
Let below_eighth : s2 < 2 * (/ 8 * s1) -> s2 <= / 8 * s1.
Proof. exact (below (-3)). Qed.
Let below_sixteenth : s2 < 2 * (/ 16 * s1) -> s2 <= / 16 * s1.
Proof. exact (below (-4)). Qed.

(** A second term that covers: what [left_any] allows it, and half its scale where that is enough. *)
Let second_any : Rabs (left s2 (left s1 x)) <= Rmax s2 (A' - 6 * s2).
Proof.
  apply Rle_trans with (1 := left_any s2 _ s2_pos); revert Worst; unfold Rmax.
  repeat destruct Rle_dec; lra.
Qed.
Let nothing_left : A' = 0 -> Rabs (left s2 (left s1 x)) = 0.
Proof.
  intros Z; assert (N : left s1 x = 0).
  { rewrite Z in Worst; destruct (Req_dec (left s1 x) 0) as [N | N]; [exact N|].
    apply Rabs_pos_lt in N; lra. }
  rewrite N; unfold left, Rdiv; rewrite Rmult_0_l, cast_unsaturated by (rewrite Rabs_R0; lra).
  unfold E2M1, binary; rewrite round_0, Rmult_0_r, Rminus_0_r by auto with typeclass_instances.
  apply Rabs_R0.
Qed.
Let second_four : A' <= 4 * s2 -> Rabs (left s2 (left s1 x)) <= s2 / 2.
Proof. intros H; apply left_four; [exact s2_pos | lra]. Qed.

(** In units of amax the second pass is as good as s1/8, or has a scale that is smaller still. *)
Theorem covering_own :
  2 * s1 < A <= 4 * s1 -> A' = 0 \/ 2 * s2 < A' <= 4 * s2 ->
  Rabs (left s2 (left s1 x)) <= 1 / 37 * A.
Proof.
  intros HA [Z | H]; [rewrite nothing_left; lra|].
  assert (E := left_four s1 y Hs1 ltac:(lra)).
  destruct (below_eighth ltac:(lra)) as [L | ->].
  { assert (B := below_sixteenth ltac:(lra)); assert (C := second_four ltac:(lra)); lra. }
  replace (left _ _) with (s1 * residual (x / s1)).
  { apply covering_rule; [exact Hs1 | split | exact Hx].
    all: apply Rmult_le_reg_r with s1; [exact Hs1|]; unfold Rdiv; rewrite Rmult_assoc, Rinv_l; lra. }
  unfold left, residual; replace ((x - s1 * cast (x / s1)) / (/ 8 * s1))
    with (8 * (x / s1 - cast (x / s1))) by (field; lra); field; lra.
Qed.

Theorem covering_own_alpha :
  A <= 4 * s1 -> A' = 0 \/ 2 * s2 < A' <= 4 * s2 ->
  Rabs (left s2 (left s1 x)) <= 1 / 64 * (4 * s1).
Proof.
  intros HA [Z | H]; [rewrite nothing_left; lra|].
  assert (E := left_four s1 y Hs1 ltac:(lra)).
  assert (B := below_eighth ltac:(lra)); assert (C := second_four ltac:(lra)); lra.
Qed.

(** even: A in [3.5 s1, 7 s1); rceil: A in (3 s1, 6 s1]. *)
Let to_four : A <= 4 * s1 -> 3 * s2 <= A' <= 7 * s2 -> Rabs (left s2 (left s1 x)) <= / 16 * s1.
Proof.
  intros HA H; assert (E := left_four s1 y Hs1 ltac:(lra)).
  destruct (below_eighth ltac:(lra)) as [L | B].
  - assert (B := below_sixteenth ltac:(lra)); apply Rle_trans with (1 := second_any).
    apply Rmax_lub; lra.
  - assert (C := second_four ltac:(lra)); lra.
Qed.

Let to_seven_own : A <= 7 * s1 -> 3 * s2 <= A' <= 7 * s2 -> Rabs (left s2 (left s1 x)) <= / 8 * s1.
Proof.
  intros HA H; assert (E : A' <= s1).
  { apply Rle_trans with (1 := left_any s1 y Hs1); apply Rmax_lub; lra. }
  destruct (below_quarter ltac:(lra)) as [L | B].
  - assert (B := below_eighth ltac:(lra)); apply Rle_trans with (1 := second_any).
    apply Rmax_lub; lra.
  - assert (C := second_four ltac:(lra)); lra.
Qed.

Theorem even_rceil_own :
  3 * s1 <= A <= 7 * s1 -> A' = 0 \/ 3 * s2 <= A' <= 7 * s2 ->
  Rabs (left s2 (left s1 x)) <= 1 / 37 * A.
Proof.
  intros HA [Z | H]; [rewrite nothing_left; lra|].
  destruct (Rle_or_lt A (4 * s1)) as [L | L]; [assert (C := to_four L H); lra|].
  destruct (Rle_or_lt (37 / 8 * s1) A) as [K | K].
  { assert (C := to_seven_own ltac:(lra) H); lra. }
  assert (E : A' <= Rmax (s1 / 2) (A - 4 * s1)).
  { apply Rle_trans with (1 := left_five s1 y Hs1 ltac:(lra)); unfold Rmax; repeat destruct Rle_dec; lra. }
  assert (E' : A' <= 5 / 8 * s1) by (apply Rle_trans with (1 := E); apply Rmax_lub; lra).
  destruct (below_eighth ltac:(lra)) as [M | B].
  { assert (B := below_sixteenth ltac:(lra)); apply Rle_trans with (1 := second_any).
    apply Rmax_lub; lra. }
  apply Rle_trans with (Rmax (s2 / 2) (A' - 4 * s2)).
  { apply Rle_trans with (1 := left_five s2 (left s1 x) s2_pos ltac:(lra)).
    revert Worst; unfold Rmax; repeat destruct Rle_dec; lra. }
  apply Rmax_lub; [lra|]; revert E; unfold Rmax; destruct Rle_dec; lra.
Qed.

Theorem even_rceil_own_alpha alpha :
  A <= alpha -> A <= 7 * s1 -> alpha = 4 * s1 \/ alpha = 8 * s1 ->
  A' = 0 \/ 3 * s2 <= A' <= 7 * s2 -> Rabs (left s2 (left s1 x)) <= 1 / 64 * alpha.
Proof.
  intros L HA [-> | ->] [Z | H]; try (rewrite nothing_left; lra).
  - assert (C := to_four L H); lra.
  - assert (C := to_seven_own HA H); lra.
Qed.

(** floor: A in [4 s1, 8 s1). The constant is a supremum, approached as A -> 8 s1. *)
Theorem floor_own :
  4 * s1 <= A < 8 * s1 -> A' = 0 \/ 4 * s2 <= A' <= 8 * s2 ->
  Rabs (left s2 (left s1 x)) <= 1 / 16 * A.
Proof.
  intros HA [Z | H]; [rewrite nothing_left; lra|].
  assert (E : A' <= Rmax s1 (A - 6 * s1)).
  { apply Rle_trans with (1 := left_any s1 y Hs1); unfold Rmax; repeat destruct Rle_dec; lra. }
  assert (E' : A' < 2 * s1) by (apply Rle_lt_trans with (1 := E); apply Rmax_lub_lt; lra).
  destruct (below_quarter ltac:(lra)) as [L | B].
  { assert (B := below_eighth ltac:(lra)); apply Rle_trans with (1 := second_any).
    apply Rmax_lub; lra. }
  destruct (Rle_or_lt A (7 * s1)) as [L | L].
  - rewrite Rmax_left in E by lra; assert (C := second_four ltac:(lra)); lra.
  - rewrite Rmax_right in E by lra; apply Rle_trans with (1 := second_any); apply Rmax_lub; lra.
Qed.

Theorem floor_own_alpha alpha :
  4 * s1 <= A < 8 * s1 -> A <= alpha -> A' = 0 \/ 4 * s2 <= A' <= 8 * s2 ->
  Rabs (left s2 (left s1 x)) <= 1 / 16 * alpha.
Proof. intros HA L H; apply Rle_trans with (1 := floor_own HA H); lra. Qed.

End OwnAmax.

(** 1/37 is met under even and rceil, too: 37/8 leaves 5/8, whose own scale is 1/8. *)
Theorem own_attained : left (1 / 8) (left 1 (37 / 8)) = 1 / 37 * (37 / 8).
Proof.
  unfold left; replace (37 / 8 / 1) with (37 / 8) by field; rewrite cast_four by lra.
  replace ((37 / 8 - 1 * 4) / (1 / 8)) with 5 by field; rewrite cast_four by lra; field.
Qed.

(** * Optimality: no two terms, whatever their scales, come closer to 37 than 1 *)

(** What a term can be: an E2M1 number times a power of two. *)
Definition is_term (v : R) : Prop :=
  exists m e : Z, (Z.abs m <= 3 /\ Z.abs m <> 2)%Z /\ v = IZR m * pow2 e.

Lemma no_term_near v : is_term v -> v <= 32 \/ 48 <= v.
Proof.
  intros (m & e & [M N] & ->); assert (P := bpow_gt_0 radix2 e).
  destruct (Z.le_gt_cases m 0) as [L | L].
  { left; apply IZR_le in L; nra. }
  assert (C : m = 1%Z \/ m = 3%Z) by lia; destruct C as [-> | ->].
  - destruct (Z.le_gt_cases e 5) as [K | K].
    + left; apply (bpow_le radix2) in K; simpl in K; lra.
    + right; assert (K' : (6 <= e)%Z) by lia; apply (bpow_le radix2) in K'; simpl in K'; lra.
  - destruct (Z.le_gt_cases e 3) as [K | K].
    + left; apply (bpow_le radix2) in K; simpl in K; lra.
    + right; assert (K' : (4 <= e)%Z) by lia; apply (bpow_le radix2) in K'; simpl in K'; lra.
Qed.

Lemma small_or_even v : is_term v -> Rabs v <= 3 \/ exists z : Z, v = 2 * IZR z.
Proof.
  intros (m & e & [M _] & ->); destruct (Z.le_gt_cases e 0) as [K | K].
  - left; rewrite Rabs_mult, (Rabs_pos_eq (pow2 e)), <- abs_IZR by apply bpow_ge_0.
    apply IZR_le in M; apply (bpow_le radix2) in K; simpl in K.
    assert (P := bpow_ge_0 radix2 e); assert (0 <= IZR (Z.abs m)) by (apply IZR_le; lia); nra.
  - right; exists (m * 2 ^ (e - 1))%Z; rewrite mult_IZR, (IZR_Zpower radix2) by lia.
    assert (Q : pow2 e = pow2 1 * pow2 (e - 1)) by (rewrite <- bpow_plus; f_equal; lia).
    rewrite Q; change (pow2 1) with 2; lra.
Qed.

Theorem optimal v w : is_term v -> is_term w -> 1 <= Rabs (37 - (v + w)).
Proof.
  intros V W; destruct (small_or_even v V) as [S | [y ->]].
  { apply Rabs_le_inv in S; destruct (no_term_near w W).
    - rewrite Rabs_pos_eq; lra.
    - rewrite Rabs_left1; lra. }
  destruct (small_or_even w W) as [S | [z ->]].
  { apply Rabs_le_inv in S; destruct (no_term_near _ V).
    - rewrite Rabs_pos_eq; lra.
    - rewrite Rabs_left1; lra. }
  replace (37 - _) with (IZR (37 - 2 * (y + z))) by (rewrite minus_IZR, mult_IZR, plus_IZR; ring).
  rewrite <- abs_IZR; apply IZR_le; lia.
Qed.
