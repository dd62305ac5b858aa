(** n-pass INT8 in exact arithmetic. *)

From Msdnum Require Import Decomposition.
From Msdnum.int8_decomposition Require x1 x2 x3 digits.

(** * Normalised: t = 127 x/M. Every line is a Gappa certificate, hints discharged. *)

Theorem one_pass t : Rabs t <= 127 -> Rabs (integer t - t) <= 1 / 2.
Proof. intros H; by_certificate (x1.l1 t). Qed.

Theorem two_passes_scaled t (q1 := integer t) (q2 := integer (254 * (t - q1))) :
  Rabs t <= 127 -> Rabs ((q1 + q2 / 254 - t) * 254) <= 1 / 2.
Proof. intros H; by_certificate (x2.l1 t). Qed.

Theorem three_passes_scaled t (q1 := integer t) (q2 := integer (254 * (t - q1)))
    (q3 := integer (254 * (254 * (t - q1) - q2))) :
  Rabs t <= 127 -> Rabs ((q1 + q2 / 254 + q3 / 64516 - t) * 64516) <= 1 / 2.
Proof. intros H; by_certificate (x3.l1 t). Qed.

Theorem second_digit t : Rabs t <= 127 -> Rabs (integer (254 * (t - integer t))) <= 127.
Proof. intros H; by_certificate (digits.l1 t). Qed.

(** * Any number of passes, any real M > 0 *)

Theorem n_passes n M x :
  0 < M -> Rabs x <= M ->
  digits_within (repeat 127%Z n) M x /\
  Rabs (integer_remainder (repeat 127%Z n) M x) <= M / 254 ^ n.
Proof.
  intros HM Hx; replace (254 ^ n) with (levels (repeat 127%Z n)).
  { apply integer_remainder_bound; [|exact HM | exact Hx].
    apply Forall_forall; intros q I; rewrite (repeat_spec _ _ _ I); lia. }
  induction n as [|n IH]; [reflexivity|].
  cbn [repeat levels pow]; rewrite IH, mult_IZR; ring.
Qed.

(** Two passes, as the paper writes them. *)
Theorem two_passes M x (q1 := integer (x / (M / 127)))
    (q2 := integer ((x - M / 127 * q1) / (M / 32258))) :
  0 < M -> Rabs x <= M ->
  Rabs q1 <= 127 /\ Rabs q2 <= 127 /\ Rabs (x - (M / 127 * q1 + M / 32258 * q2)) <= M / 64516.
Proof.
  intros HM Hx; destruct (n_passes 2 M x HM Hx) as [[D1 [D2 _]] E]; simpl in D1, D2, E.
  replace (M / 254 / 127) with (M / 32258) in D2, E by field.
  fold q1 in D1, D2, E; fold q2 in D2, E.
  repeat split; [exact D1 | exact D2 |].
  replace (x - _) with (x - M / 127 * q1 - M / 32258 * q2) by ring.
  apply Rle_trans with (1 := E); right; field.
Qed.

(** The bound of two passes is attained at x = M/64516, whichever way the tie goes. *)
Theorem two_passes_attained M (x := M / 64516) (q1 := integer (x / (M / 127)))
    (q2 := integer ((x - M / 127 * q1) / (M / 32258))) :
  0 < M -> Rabs (x - (M / 127 * q1 + M / 32258 * q2)) = M / 64516.
Proof.
  intros HM.
  assert (Q1 : q1 = 0).
  { unfold q1; rewrite integer_IZR, (Znearest_imp _ _ 0); [reflexivity|].
    replace (x / (M / 127)) with (1 / 508) by (unfold x; field; lra).
    rewrite Rabs_pos_eq; lra. }
  assert (Q2 : q2 = integer (1 / 2)).
  { unfold q2; rewrite Q1; f_equal; unfold x; field; lra. }
  rewrite Q1, Q2; replace (x - _) with (- (M / 32258) * (integer (1 / 2) - 1 / 2))
    by (unfold x; field).
  rewrite Rabs_mult, Rabs_Ropp, (Rabs_pos_eq (M / 32258)) by lra.
  replace (Rabs (integer (1 / 2) - 1 / 2)) with (1 / 2); [lra|].
  apply Rle_antisym; [| apply Rle_trans with (1 := integer_error _); lra].
  rewrite integer_IZR; set (z := ZnearestE _).
  destruct (Z.le_gt_cases z 0) as [L | L].
  - apply IZR_le in L; rewrite Rabs_left1; lra.
  - assert (1 <= z)%Z as L' by lia; apply IZR_le in L'; rewrite Rabs_pos_eq; lra.
Qed.
