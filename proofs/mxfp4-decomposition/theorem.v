(** n-pass MXFP4 with the covering alpha. *)

From Msdnum Require Import Decomposition.
From Msdnum.mxfp4_decomposition Require x1 x2 x3 digits attained.

(** * Normalised: t = x/s1, alpha = 4 s1. Every line is a Gappa certificate, hints discharged. *)

Theorem one_pass t : Rabs t <= 4 -> Rabs (E2M1 t - t) <= 1 / 2.
Proof. intros H; by_certificate (x1.l1 t). Qed.

Theorem two_passes t (q1 := E2M1 t) (q2 := E2M1 (8 * (t - q1))) :
  Rabs t <= 4 -> Rabs (q1 + q2 / 8 - t) <= 1 / 16.
Proof. intros H; by_certificate (x2.l1 t). Qed.

Theorem three_passes t (q1 := E2M1 t) (q2 := E2M1 (8 * (t - q1)))
    (q3 := E2M1 (8 * (8 * (t - q1) - q2))) :
  Rabs t <= 4 -> Rabs (q1 + q2 / 8 + q3 / 64 - t) <= 1 / 128.
Proof. intros H; by_certificate (x3.l1 t). Qed.

Theorem second_digit t : Rabs t <= 4 -> Rabs (E2M1 (8 * (t - E2M1 t))) <= 4.
Proof. intros H; by_certificate (digits.l1 t). Qed.

(** The bound of two passes is attained, at x = 37/64 alpha. *)
Theorem two_passes_attained (t := 37 / 16) (q1 := E2M1 t) (q2 := E2M1 (8 * (t - q1))) :
  1 / 16 <= Rabs (q1 + q2 / 8 - t).
Proof. by_certificate attained.l1. Qed.

(** * Any number of passes, any alpha = 2^k, scales that cannot go below 2^-127 *)

Theorem n_passes n k x :
  Rabs x <= pow2 k ->
  unsaturated (repeat e2m1 n) k x /\
  Rabs (remainder (repeat e2m1 n) k x) <= Rmax (pow2 k / 8 ^ n) (pow2 (-129)).
Proof.
  apply (remainder_bound_repeated e2m1 (-129)); simpl; [exact e2m1_well_formed | lia].
Qed.

(** What is carried from pass to pass is a binary32 number. *)
Theorem remainder_exact n k x :
  Rabs x <= pow2 k -> is_binary32 x -> is_binary32 (remainder (repeat e2m1 n) k x).
Proof.
  intros Hx; apply (remainder_binary32 _ (-129)).
  - apply Forall_repeated, e2m1_well_formed.
  - split; [lia | apply Forall_repeated; simpl; lia].
  - apply Rle_trans with (1 := Hx), bpow_le; lia.
Qed.
