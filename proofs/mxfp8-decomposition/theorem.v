(** n-pass MXFP8 with the covering alpha. *)

From Msdnum Require Import Decomposition.
From Msdnum.mxfp8_decomposition Require e4m3_x1 e4m3_x2 e5m2_x1 e5m2_x2 attained.

(** * Normalised: t = x/s1, alpha = 256 s1 (E4M3) or 2^15 s1 (E5M2). Gappa certificates. *)

Theorem e4m3_one_pass t : Rabs t <= 256 -> Rabs (E4M3 t - t) <= 8.
Proof. intros H; by_certificate (e4m3_x1.l1 t). Qed.

Theorem e4m3_two_passes t (q1 := E4M3 t) (q2 := E4M3 (32 * (t - q1))) :
  Rabs t <= 256 -> Rabs (q1 + q2 / 32 - t) <= 1 / 4.
Proof. intros H; by_certificate (e4m3_x2.l1 t). Qed.

Theorem e5m2_one_pass t : Rabs t <= 32768 -> Rabs (E5M2 t - t) <= 2048.
Proof. intros H; by_certificate (e5m2_x1.l1 t). Qed.

Theorem e5m2_two_passes t (q1 := E5M2 t) (q2 := E5M2 (16 * (t - q1))) :
  Rabs t <= 32768 -> Rabs (q1 + q2 / 16 - t) <= 128.
Proof. intros H; by_certificate (e5m2_x2.l1 t). Qed.

(** One E4M3 pass attains alpha/32, at x = 17/32 alpha. *)
Theorem e4m3_attained : 8 <= Rabs (E4M3 136 - 136).
Proof. by_certificate attained.l1. Qed.

(** * Any number of passes, any alpha = 2^k, scales that cannot go below 2^-127 *)

Theorem e4m3_n_passes n k x :
  Rabs x <= pow2 k ->
  unsaturated (repeat e4m3 n) k x /\
  Rabs (remainder (repeat e4m3 n) k x) <= Rmax (pow2 k / 32 ^ n) (pow2 (-137)).
Proof.
  apply (remainder_bound_repeated e4m3 (-137)); simpl; [exact e4m3_well_formed | lia].
Qed.

Theorem e5m2_n_passes n k x :
  Rabs x <= pow2 k ->
  unsaturated (repeat e5m2 n) k x /\
  Rabs (remainder (repeat e5m2 n) k x) <= Rmax (pow2 k / 16 ^ n) (pow2 (-144)).
Proof.
  apply (remainder_bound_repeated e5m2 (-144)); simpl; [exact e5m2_well_formed | lia].
Qed.

Theorem remainder_exact n k x :
  Rabs x <= pow2 k -> is_binary32 x ->
  is_binary32 (remainder (repeat e4m3 n) k x) /\ is_binary32 (remainder (repeat e5m2 n) k x).
Proof.
  intros Hx Fx; split.
  - apply (remainder_binary32 _ (-137)); [| | | exact Fx].
    + apply Forall_repeated, e4m3_well_formed.
    + split; [lia | apply Forall_repeated; simpl; lia].
    + apply Rle_trans with (1 := Hx), bpow_le; lia.
  - apply (remainder_binary32 _ (-144)); [| | | exact Fx].
    + apply Forall_repeated, e5m2_well_formed.
    + split; [lia | apply Forall_repeated; simpl; lia].
    + apply Rle_trans with (1 := Hx), bpow_le; lia.
Qed.

(** * One pass, relative: what a float element gives a small entry of the block *)

Lemma one_pass_relative f k x :
  well_formed f -> Rabs x <= pow2 k ->
  Rabs (x - term f k x) <=
    Rmax (pow2 (- prec f) / (1 + pow2 (- prec f)) * Rabs x) (scale f k * pow2 (emin f) / 2).
Proof.
  intros W Hx; destruct (pass f k (Z.max (-127) (k - emax f) + emax f) x) as [D _].
  - exact W.
  - lia.
  - destruct W as [_ [[_ E] _]]; lia.
  - apply Rle_trans with (1 := Hx), bpow_le; lia.
  - unfold term; rewrite saturate_id by exact D; unfold digit, binary, scale.
    destruct W as [[P _] _]; rewrite scaling, Rabs_minus_sym, <- bpow_plus by lia.
    rewrite Z.add_comm; now apply nearest_relative.
Qed.

Theorem e4m3_relative k x :
  Rabs x <= pow2 k -> Rabs (x - term e4m3 k x) <= Rmax (Rabs x / 17) (scale e4m3 k / 1024).
Proof.
  intros Hx; apply Rle_trans with (1 := one_pass_relative e4m3 k x e4m3_well_formed Hx).
  change (pow2 (- prec e4m3)) with (/ 16); change (pow2 (emin e4m3)) with (/ 512).
  right; f_equal; field.
Qed.

Theorem e5m2_relative k x :
  Rabs x <= pow2 k -> Rabs (x - term e5m2 k x) <= Rmax (Rabs x / 9) (scale e5m2 k / 131072).
Proof.
  intros Hx; apply Rle_trans with (1 := one_pass_relative e5m2 k x e5m2_well_formed Hx).
  change (pow2 (- prec e5m2)) with (/ 8); change (pow2 (emin e5m2)) with (/ 65536).
  right; f_equal; field.
Qed.
