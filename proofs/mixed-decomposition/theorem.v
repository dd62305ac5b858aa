(** Any sequence of element formats, one per pass. *)

From Msdnum Require Import Decomposition.
From Msdnum.mixed_decomposition Require mxfp8_mxfp4 mxfp4_mxfp8 int8_int4.

(** * The general rule *)

(** Float elements: pass i divides the bound by 2^(p_i + 1); [gained] sums p_i + 1. *)
Theorem float_passes fs u k x :
  Forall well_formed fs -> underflow fs u -> Rabs x <= pow2 (Z.max k u) ->
  unsaturated fs k x /\ Rabs (remainder fs k x) <= pow2 (Z.max (k - gained fs) u).
Proof. apply remainder_bound. Qed.

Theorem float_remainder_exact fs u k x :
  Forall well_formed fs -> underflow fs u -> Rabs x <= pow2 (Z.max k u) ->
  is_binary32 x -> is_binary32 (remainder fs k x).
Proof. apply remainder_binary32. Qed.

(** Entries below the covering power of two, |x| <= 2^m with m <= k: [reach] follows them. *)
Theorem float_passes_small fs u k m x :
  Forall well_formed fs -> underflow fs u -> (m <= k)%Z -> Rabs x <= pow2 (Z.max m u) ->
  Rabs (remainder fs k x) <= pow2 (Z.max (reach fs k m) u).
Proof. apply remainder_reach. Qed.

(** Two-pass MXFP4 against one-pass MXFP8, by binades below alpha: 1/2, 1/2, 1, 2, 4. *)
Theorem mxfp4_against_mxfp8 k :
  map (fun b => reach [e2m1; e2m1] k (k - b) - reach [e4m3] k (k - b))%Z [0; 1; 2; 3; 4]%Z
    = [-1; -1; 0; 1; 2]%Z.
Proof. unfold reach, next; simpl; repeat f_equal; lia. Qed.

(** Integer elements with digits up to q_i: pass i divides the bound by 2 q_i, after a first M. *)
Theorem integer_passes qs M x :
  Forall (fun q => (0 < q)%Z) qs -> 0 < M -> Rabs x <= M ->
  digits_within qs M x /\ Rabs (integer_remainder qs M x) <= M / levels qs.
Proof. apply integer_remainder_bound. Qed.

(** * Instances *)

Theorem mxfp8_then_mxfp4 k x :
  Rabs x <= pow2 k ->
  unsaturated [e4m3; e2m1] k x /\
  Rabs (remainder [e4m3; e2m1] k x) <= Rmax (pow2 k / 256) (pow2 (-129)).
Proof.
  intros Hx; replace (pow2 k / 256) with (pow2 (k - gained [e4m3; e2m1])).
  - rewrite <- pow2_max; apply float_passes.
    + repeat constructor; well_formed.
    + repeat constructor; simpl; lia.
    + apply Rle_trans with (1 := Hx), bpow_le; lia.
  - unfold Z.sub; rewrite bpow_plus; reflexivity.
Qed.

Theorem int8_then_int4 M x :
  0 < M -> Rabs x <= M ->
  digits_within [127; 7]%Z M x /\ Rabs (integer_remainder [127; 7]%Z M x) <= M / 3556.
Proof.
  intros HM Hx; replace 3556 with (levels [127; 7]%Z) by (simpl; lra).
  apply integer_passes; [repeat constructor | exact HM | exact Hx].
Qed.

(** * Normalised instances as Gappa certificates *)

Theorem mxfp8_mxfp4_normalised t (q1 := E4M3 t) (q2 := E2M1 ((t - q1) / 2)) :
  Rabs t <= 256 -> Rabs (q1 + q2 * 2 - t) <= 1.
Proof. intros H; by_certificate (mxfp8_mxfp4.l1 t). Qed.

Theorem mxfp4_mxfp8_normalised t (q1 := E2M1 t) (q2 := E4M3 ((t - q1) * 512)) :
  Rabs t <= 4 -> Rabs (q1 + q2 / 512 - t) <= 1 / 64.
Proof. intros H; by_certificate (mxfp4_mxfp8.l1 t). Qed.

Theorem int8_int4_normalised t (q1 := integer t) (q2 := integer (14 * (t - q1))) :
  Rabs t <= 127 -> Rabs ((q1 + q2 / 14 - t) * 14) <= 1 / 2.
Proof. intros H; by_certificate (int8_int4.l1 t). Qed.
