(** Two E2M1 terms whose digits are chosen together: how far they reach at a given error. *)

From Msdnum Require Import Formats.
From Coq Require Import List Bool.
Import ListNotations.
Open Scope R_scope.

(** The numbers of E2M1, in halves. *)
Definition digits : list Z :=
  [0; 1; 2; 3; 4; 6; 8; 12; -1; -2; -3; -4; -6; -8; -12]%Z.

(** Two terms, the second r times finer. *)
Definition two_terms (r m n : Z) : R := IZR m / 2 + IZR n / (2 * IZR r).

Definition reaches (r : Z) (bound error : R) : Prop :=
  forall x, Rabs x <= bound ->
  exists m n, In m digits /\ In n digits /\ Rabs (x - two_terms r m n) <= error.

(** ** What they reach: every multiple of g, in units of 1/(2 r), up to K of them *)

Definition steps (K : nat) : list Z := map Z.of_nat (seq 0 (S K)).

Definition has_multiples (r g : Z) (K : nat) : bool :=
  forallb (fun k => existsb (fun m => existsb (fun n => (k * g =? r * m + n)%Z) digits) digits) (steps K).

Lemma multiple r g K k : has_multiples r g K = true -> (0 <= k <= Z.of_nat K)%Z ->
  exists m n, In m digits /\ In n digits /\ (k * g = r * m + n)%Z.
Proof.
  intros H I; unfold has_multiples in H; rewrite forallb_forall in H.
  assert (M : In k (steps K)).
  { apply in_map_iff; exists (Z.to_nat k); split; [lia | apply in_seq; lia]. }
  apply H, existsb_exists in M; destruct M as (m & Im & M).
  apply existsb_exists in M; destruct M as (n & In_n & E); exists m, n; repeat split; try assumption; lia.
Qed.

Lemma digits_opp m : In m digits -> In (- m)%Z digits.
Proof. simpl; intuition subst; simpl; tauto. Qed.

Lemma two_terms_opp r m n : two_terms r (- m) (- n) = - two_terms r m n.
Proof. unfold two_terms, Rdiv; rewrite !opp_IZR; ring. Qed.

Lemma reach r g K : (0 < r)%Z -> (0 < g)%Z -> has_multiples r g K = true ->
  reaches r ((2 * INR K + 1) * IZR g / (4 * IZR r)) (IZR g / (4 * IZR r)).
Proof.
  intros Hr Hg H; apply IZR_lt in Hr, Hg.
  assert (pos : forall x, 0 <= x <= (2 * INR K + 1) * IZR g / (4 * IZR r) ->
    exists m n, In m digits /\ In n digits /\ Rabs (x - two_terms r m n) <= IZR g / (4 * IZR r)).
  { intros x X; set (y := x * (2 * IZR r) / IZR g).
    assert (Y : 0 <= y <= INR K + / 2).
    { unfold y; split.
      - apply Rmult_le_pos; [apply Rmult_le_pos; lra | left; now apply Rinv_0_lt_compat].
      - apply Rmult_le_reg_r with (IZR g / (2 * IZR r));
          [apply Rmult_lt_0_compat; [lra | apply Rinv_0_lt_compat; lra]|].
        replace (x * _ / _ * _) with x by (field; lra).
        replace ((INR K + / 2) * (IZR g / (2 * IZR r))) with ((2 * INR K + 1) * IZR g / (4 * IZR r))
          by (field; lra); lra. }
    pose (k := Zceil (y - / 2)).
    assert (U : y - / 2 <= IZR k) by apply Zceil_ub.
    assert (L : IZR k < y - / 2 + 1) by apply Zceil_lb.
    assert (Ik : (0 <= k <= Z.of_nat K)%Z).
    { split.
      - assert (-1 < k)%Z; [apply lt_IZR; lra | lia].
      - assert (k < Z.of_nat K + 1)%Z; [|lia]; apply lt_IZR; rewrite plus_IZR, <- INR_IZR_INZ; lra. }
    destruct (multiple r g K k H Ik) as (m & n & Im & Id & E); exists m, n; repeat split; try assumption.
    apply (f_equal IZR) in E; rewrite plus_IZR, !mult_IZR in E.
    replace (two_terms r m n) with (IZR k * IZR g / (2 * IZR r))
      by (rewrite E; unfold two_terms; field; lra).
    replace (x - _) with ((y - IZR k) * (IZR g / (2 * IZR r))) by (unfold y; field; lra).
    assert (P : 0 < IZR g / (2 * IZR r))
      by (apply Rmult_lt_0_compat; [lra | apply Rinv_0_lt_compat; lra]).
    rewrite Rabs_mult, (Rabs_pos_eq (IZR g / _)) by lra.
    replace (IZR g / (4 * IZR r)) with (/ 2 * (IZR g / (2 * IZR r))) by (field; lra).
    apply Rmult_le_compat_r; [lra|]; apply Rabs_le; lra. }
  intros x X; destruct (Rle_or_lt 0 x) as [P | N].
  - rewrite Rabs_pos_eq in X by exact P; now apply pos.
  - rewrite Rabs_left in X by exact N; destruct (pos (- x)) as (m & n & Im & Id & E); [lra|].
    exists (- m)%Z, (- n)%Z; repeat split; try now apply digits_opp.
    rewrite two_terms_opp, <- Rabs_Ropp; replace (- (x - _)) with (- x - two_terms r m n) by ring.
    exact E.
Qed.

(** With ratio 8, as the paper has it, 1/16 up to 73/16: 1/73 of what is reached, and not 1/64. *)
Theorem ratio_8 : reaches 8 (73 / 16) (1 / 16).
Proof.
  assert (H := reach 8 2 36 eq_refl eq_refl eq_refl); intros x X; destruct (H x) as (m & n & F).
  - replace (INR 36) with 36 by (simpl; lra); lra.
  - exists m, n; replace (1 / 16) with (2 / (4 * 8)) by lra; exact F.
Qed.

(** With ratio 13, 1/113. *)
Theorem ratio_13 : reaches 13 (113 / 52) (1 / 52).
Proof.
  assert (H := reach 13 1 56 eq_refl eq_refl eq_refl); intros x X; destruct (H x) as (m & n & F).
  - replace (INR 56) with 56 by (simpl; lra); lra.
  - exists m, n; replace (1 / 52) with (1 / (4 * 13)) by lra; exact F.
Qed.

(** ** No more: what they skip *)

Definition skips (r low high : Z) : bool :=
  forallb (fun m => forallb (fun n => (r * m + n <=? low) || (high <=? r * m + n))%Z digits) digits.

Lemma skipped r low high x error : (0 < r)%Z -> skips r low high = true ->
  (exists m n, In m digits /\ In n digits /\ Rabs (x - two_terms r m n) <= error) ->
  x - error <= IZR low / (2 * IZR r) \/ IZR high / (2 * IZR r) <= x + error.
Proof.
  intros Hr H (m & n & Im & Id & E); apply IZR_lt in Hr; unfold skips in H.
  rewrite forallb_forall in H; specialize (H m Im); rewrite forallb_forall in H; specialize (H n Id).
  assert (T : two_terms r m n = IZR (r * m + n) * / (2 * IZR r))
    by (rewrite plus_IZR, mult_IZR; unfold two_terms; field; lra).
  apply Rabs_le_inv in E; rewrite T in E.
  assert (P : 0 < / (2 * IZR r)) by (apply Rinv_0_lt_compat; lra).
  apply orb_true_iff in H; unfold Rdiv; destruct H as [H | H]; apply Z.leb_le, IZR_le in H;
    apply Rmult_le_compat_r with (r := / (2 * IZR r)) in H; [left; lra | lra | right; lra | lra].
Qed.

Definition ends (r top : Z) : bool :=
  forallb (fun m => forallb (fun n => r * m + n <=? top)%Z digits) digits.

Lemma ended r top x error : (0 < r)%Z -> ends r top = true ->
  (exists m n, In m digits /\ In n digits /\ Rabs (x - two_terms r m n) <= error) ->
  x - error <= IZR top / (2 * IZR r).
Proof.
  intros Hr H (m & n & Im & Id & E); apply IZR_lt in Hr; unfold ends in H.
  rewrite forallb_forall in H; specialize (H m Im); rewrite forallb_forall in H; specialize (H n Id).
  assert (T : two_terms r m n = IZR (r * m + n) * / (2 * IZR r))
    by (rewrite plus_IZR, mult_IZR; unfold two_terms; field; lra).
  apply Rabs_le_inv in E; rewrite T in E.
  assert (P : 0 < / (2 * IZR r)) by (apply Rinv_0_lt_compat; lra).
  apply Z.leb_le, IZR_le in H; apply Rmult_le_compat_r with (r := / (2 * IZR r)) in H; [|lra].
  unfold Rdiv; lra.
Qed.

Ltac at_point x r low high H :=
  let S := fresh in
  assert (S := skipped r low high x _ eq_refl eq_refl (H x ltac:(apply Rabs_le; lra)));
  simpl IZR in S; destruct S as [S | S].

(** No bound and no error have a better ratio, for the ratio 8 of the terms or for 13. *)
Theorem ratio_8_best bound error : 0 <= bound -> reaches 8 bound error -> bound <= 73 * error.
Proof.
  intros P H; assert (Z := H 0 ltac:(rewrite Rabs_R0; exact P)).
  destruct Z as (m0 & n0 & _ & _ & E0); assert (A := Rabs_pos (0 - two_terms 8 m0 n0)).
  assert (E : 0 <= error) by lra; clear m0 n0 E0 A.
  destruct (Rle_or_lt bound (1 / 32)) as [B | B].
  { at_point bound 8%Z 0%Z 1%Z H; lra. }
  destruct (Rle_or_lt bound (73 / 32)) as [B1 | B1].
  { at_point (1 / 32) 8%Z 0%Z 1%Z H; lra. }
  destruct (Rle_or_lt bound (37 / 16)) as [B2 | B2].
  { at_point bound 8%Z 36%Z 38%Z H; lra. }
  destruct (Rle_or_lt bound (73 / 16)) as [B3 | B3].
  { at_point (37 / 16) 8%Z 36%Z 38%Z H; lra. }
  destruct (Rle_or_lt bound (37 / 8)) as [B4 | B4].
  { at_point bound 8%Z 72%Z 76%Z H; lra. }
  destruct (Rle_or_lt bound (73 / 8)) as [B5 | B5].
  { at_point (37 / 8) 8%Z 72%Z 76%Z H; lra. }
  assert (S := ended 8 108 bound _ eq_refl eq_refl (H bound ltac:(apply Rabs_le; lra))).
  simpl IZR in S; lra.
Qed.

Theorem ratio_13_best bound error : 0 <= bound -> reaches 13 bound error -> bound <= 113 * error.
Proof.
  intros P H; assert (Z := H 0 ltac:(rewrite Rabs_R0; exact P)).
  destruct Z as (m0 & n0 & _ & _ & E0); assert (A := Rabs_pos (0 - two_terms 13 m0 n0)).
  assert (E : 0 <= error) by lra; clear m0 n0 E0 A.
  destruct (Rle_or_lt bound (1 / 52)) as [B | B].
  { at_point bound 13%Z 0%Z 1%Z H; lra. }
  destruct (Rle_or_lt bound (113 / 52)) as [B1 | B1].
  { at_point (1 / 52) 13%Z 0%Z 1%Z H; lra. }
  destruct (Rle_or_lt bound (57 / 26)) as [B2 | B2].
  { at_point bound 13%Z 56%Z 58%Z H; lra. }
  destruct (Rle_or_lt bound (113 / 26)) as [B3 | B3].
  { at_point (57 / 26) 13%Z 56%Z 58%Z H; lra. }
  destruct (Rle_or_lt bound (226 / 26)) as [B4 | B4].
  { at_point (62 / 26) 13%Z 60%Z 64%Z H; lra. }
  assert (S := ended 13 168 bound _ eq_refl eq_refl (H bound ltac:(apply Rabs_le; lra))).
  simpl IZR in S; lra.
Qed.
