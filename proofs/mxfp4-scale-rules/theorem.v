(** MXFP4 in two passes under each scale rule: s2 = s1/8, both casts saturate at 6. *)

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
