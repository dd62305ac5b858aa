(** n-pass INT8 as float32 hardware executes it: every operation rounded to binary32. *)

From Flocq Require Import Sterbenz Mult_error.
From Msdnum Require Import Decomposition.
From Msdnum.int8_decomposition_float32 Require first_digit reciprocal.

Notation u := (/ 16777216). (* 2^-24 *)
Notation half := (/ 2 + / 262144). (* a half, and 2^-18 for rounding the quotient *)
Notation fexp := (FLT_exp (-149) 24).
Local Instance prec_gt_0_24 : Prec_gt_0 24 := eq_refl.

Section AnyTies.

(** Digits are rounded to nearest; ties go where [choice] says (to even, away from zero, ...). *)
Variable choice : Z -> bool.
Notation nearest := (Znearest choice).

(** * The algorithm *)

Definition quotient (r s : R) : R := binary32 (r / s).
Definition digit (r s : R) : R := IZR (nearest (quotient r s)).
Definition product (r s : R) : R := binary32 (s * digit r s).
Definition next_remainder (r s : R) : R := binary32 (r - product r s).
Definition first_scale (M : R) : R := binary32 (M / 127).
Definition next_scale (s : R) : R := binary32 (s / 254).

(** * One operation *)

Lemma relative_error y :
  pow2 (-126) <= Rabs y -> Rabs (binary32 y - y) <= u / (1 + u) * Rabs y.
Proof.
  intros Hy; unfold binary32, binary; rewrite round_FLT_FLX by exact Hy.
  replace u with (u_ro radix2 24) by (unfold u_ro; simpl; lra).
  now apply relative_error_N_FLX'.
Qed.

Lemma scaled_down y c (q := binary32 (y / c)) :
  0 < c -> pow2 (-126) <= y / c ->
  y / c / (1 + u) <= q <= y / c * (1 + u) /\ pow2 (-126) <= q /\ is_binary32 q.
Proof.
  intros Hc Hy; assert (P := bpow_gt_0 radix2 (-126)); repeat split.
  3: { apply round_ge_generic; auto with typeclass_instances.
       apply generic_format_bpow; unfold FLT_exp; lia. }
  3: { apply generic_format_round; auto with typeclass_instances. }
  all: assert (E : Rabs (q - y / c) <= u / (1 + u) * Rabs (y / c))
    by (apply relative_error; rewrite Rabs_pos_eq; lra).
  all: rewrite (Rabs_pos_eq (y / c)) in E by lra; apply Rabs_le_inv in E.
  all: clearbody q; set (z := y / c) in *; lra.
Qed.

Lemma quotient_error r s : Rabs (r / s) <= 128 -> Rabs (quotient r s - r / s) <= / 262144.
Proof. intros H; apply (nearest_error (-149) 24 _ eq_refl 7); [lia | exact H]. Qed.

(** * One pass *)

Section Pass.

Variables r s : R.
Hypothesis Fr : is_binary32 r.
Hypothesis Fs : is_binary32 s.
Hypothesis Hs : pow2 (-126) <= s.
Hypothesis Hr : Rabs r <= 637 / 5 * s. (* 127.4 s *)

Let s_pos : 0 < s.
Proof. apply Rlt_le_trans with (2 := Hs), bpow_gt_0. Qed.

Let ratio : Rabs (r / s) <= 637 / 5.
Proof.
  unfold Rdiv at 1; rewrite Rabs_mult, Rabs_inv, (Rabs_pos_eq s) by lra.
  apply Rmult_le_reg_r with s; [exact s_pos|]; rewrite Rmult_assoc, Rinv_l; lra.
Qed.

Let quotient_close : Rabs (quotient r s - r / s) <= / 262144.
Proof. apply quotient_error; lra. Qed.

Let digit_close : Rabs (quotient r s - digit r s) <= / 2.
Proof. apply Znearest_half. Qed.

Lemma digit_bound : Rabs (digit r s) <= 127.
Proof.
  apply Rabs_le_inv in quotient_close, digit_close, ratio.
  assert (L : IZR (-128) < digit r s < IZR 128) by lra.
  destruct L as [L1 L2]; apply lt_IZR in L1, L2.
  apply Rabs_le; split; unfold digit; [change (- (127)) with (IZR (-127))|]; apply IZR_le; lia.
Qed.

Lemma pass_error : Rabs (r - s * digit r s) <= s * half.
Proof.
  replace (r - s * digit r s) with (s * (r / s - digit r s)) by (field; lra).
  rewrite Rabs_mult, (Rabs_pos_eq s) by lra; apply Rmult_le_compat_l; [lra|].
  apply Rabs_le; apply Rabs_le_inv in quotient_close, digit_close; lra.
Qed.

Lemma product_relative_error :
  Rabs (product r s - s * digit r s) <= u / (1 + u) * Rabs (s * digit r s).
Proof.
  destruct (Z.eq_dec (nearest (quotient r s)) 0) as [Z | N].
  - unfold product, digit; rewrite Z, Rmult_0_r.
    unfold binary32, binary; rewrite round_0, Rminus_0_r, Rabs_R0 by auto with typeclass_instances.
    lra.
  - apply relative_error; rewrite Rabs_mult, (Rabs_pos_eq s) by lra.
    apply Rle_trans with (s * 1); [lra|].
    apply Rmult_le_compat_l; [lra|]; unfold digit; rewrite <- abs_IZR; apply IZR_le; lia.
Qed.

Lemma product_error : Rabs (product r s - s * digit r s) <= u / (1 + u) * (127 * s).
Proof.
  apply Rle_trans with (1 := product_relative_error); apply Rmult_le_compat_l; [lra|].
  rewrite Rabs_mult, (Rabs_pos_eq s), Rmult_comm by lra.
  apply Rmult_le_compat_r; [lra | exact digit_bound].
Qed.

(** * The subtraction is exact (Sterbenz) *)

(* A quotient that rounds to a half or more is a half or more. *)
Lemma half_or_more : / 2 <= quotient r s -> s <= 2 * r.
Proof.
  intros Q; apply Rnot_lt_le; intros L.
  assert (Pr : 0 < r).
  { apply Rnot_le_lt; intros Nr; apply (Rlt_irrefl 0).
    apply Rlt_le_trans with (quotient r s); [lra|].
    rewrite <- (round_0 radix2 fexp ZnearestE); apply round_le; auto with typeclass_instances.
    apply Rmult_le_reg_r with s; [lra|]; unfold Rdiv; rewrite Rmult_assoc, Rinv_l; lra. }
  assert (F2 : generic_format radix2 fexp (2 * r)).
  { rewrite Rmult_comm; change 2 with (pow2 1).
    apply mult_bpow_pos_exact_FLT; [exact Fr | lia]. }
  assert (S : 2 * r + ulp radix2 fexp (2 * r) <= s).
  { rewrite <- succ_eq_pos by lra; apply succ_le_lt; auto with typeclass_instances. }
  assert (G := ulp_FLT_gt radix2 (-149) 24 (2 * r)).
  change (pow2 (- (24))) with u in G; rewrite Rabs_pos_eq in G by lra.
  assert (Y : r / s < / 2 - / 67108864).
  { apply Rmult_lt_reg_r with s; [lra|]; unfold Rdiv; rewrite Rmult_assoc, Rinv_l; lra. }
  assert (Y0 : 0 < r / s) by (apply Rdiv_lt_0_compat; lra).
  assert (E : Rabs (quotient r s - r / s) <= / 67108864).
  { apply (nearest_error (-149) 24 _ eq_refl (-1)); [lia|]; rewrite Rabs_pos_eq; simpl; lra. }
  apply Rabs_le_inv in E; lra.
Qed.

Lemma exact_positive : (0 < nearest (quotient r s))%Z -> is_binary32 (r - product r s).
Proof.
  intros Q.
  assert (D := pass_error); apply Rabs_le_inv in D.
  assert (E := product_relative_error); rewrite (Rabs_pos_eq (s * digit r s)) in E.
  2: { apply Rmult_le_pos; [lra | apply IZR_le; lia]. }
  apply Rabs_le_inv in E.
  apply sterbenz; auto with typeclass_instances.
  - apply generic_format_round; auto with typeclass_instances.
  - destruct (Z.eq_dec (nearest (quotient r s)) 1) as [One | More].
    + assert (d : digit r s = 1) by (unfold digit; now rewrite One).
      assert (C := digit_close); apply Rabs_le_inv in C; rewrite d in C, D.
      assert (H := half_or_more ltac:(lra)).
      assert (p : product r s = s).
      { unfold product; rewrite d, Rmult_1_r; now apply round_generic; auto with typeclass_instances. }
      rewrite p; lra.
    + assert (d : 2 <= digit r s) by (unfold digit; apply IZR_le; lia).
      assert (2 * s <= s * digit r s) by (rewrite Rmult_comm; apply Rmult_le_compat_l; lra).
      set (sd := s * digit r s) in *; lra.
Qed.

End Pass.

End AnyTies.

Lemma opposite choice r s :
  product choice (- r) s =
  - product (fun t => negb (choice (- (t + 1))%Z)) r s.
Proof.
  unfold product, digit, quotient, binary32, binary, Rdiv.
  rewrite Ropp_mult_distr_l_reverse, round_NE_opp, Znearest_opp, opp_IZR.
  rewrite Ropp_mult_distr_r_reverse; apply round_NE_opp.
Qed.

Lemma subtraction_exact choice r s :
  is_binary32 r -> is_binary32 s -> pow2 (-126) <= s -> Rabs r <= 637 / 5 * s ->
  next_remainder choice r s = r - product choice r s.
Proof.
  intros Fr Fs Hs Hr; apply round_generic; auto with typeclass_instances.
  destruct (Z.lt_trichotomy (Znearest choice (quotient r s)) 0) as [N | [Z | P]].
  - rewrite <- (Ropp_involutive r) in N |- *; set (r' := - r) in *.
    rewrite opposite; set (flipped := fun t => negb _).
    replace (- r' - - product flipped r' s) with (- (r' - product flipped r' s)) by ring.
    apply generic_format_opp, exact_positive; try assumption.
    + now apply generic_format_opp.
    + unfold r'; now rewrite Rabs_Ropp.
    + unfold quotient, binary32, binary, Rdiv in N.
      rewrite Ropp_mult_distr_l_reverse, round_NE_opp, Znearest_opp in N.
      unfold flipped, quotient, binary32, binary, Rdiv; lia.
  - unfold product, digit; rewrite Z, Rmult_0_r.
    unfold binary32, binary; rewrite round_0, Rminus_0_r by auto with typeclass_instances.
    exact Fr.
  - now apply exact_positive.
Qed.

(** * Three passes, in binary32 *)

Section Passes.

Variables (choice : Z -> bool) (M x : R).
Hypothesis FM : is_binary32 M.
Hypothesis Fx : is_binary32 x.
Hypothesis Hx : Rabs x <= M.
Hypothesis M_pos : 0 < M.

Definition s1 := first_scale M.
Definition q1 := digit choice x s1.
Definition r1 := next_remainder choice x s1.
Definition s2 := next_scale s1.
Definition q2 := digit choice r1 s2.
Definition r2 := next_remainder choice r1 s2.
Definition s3 := next_scale s2.
Definition q3 := digit choice r2 s3.

(** The first n scales are normal numbers: M/(127 254^(n-1)) >= 2^-126 with room for n roundings. *)
Definition normal_scales (n : nat) : Prop :=
  pow2 (-126) * (1 + u) ^ n <= M / (127 * 254 ^ (n - 1)).

Lemma fewer_normal_scales n : (1 <= n)%nat -> normal_scales (S n) -> normal_scales n.
Proof.
  destruct n as [|n]; [lia|]; intros _; unfold normal_scales.
  replace (S (S n) - 1)%nat with (S n) by lia; replace (S n - 1)%nat with n by lia.
  intros H; assert (P : 0 < 254 ^ n) by (apply pow_lt; lra).
  assert (Q := bpow_gt_0 radix2 (-126)); assert (W : 0 < (1 + u) ^ n) by (apply pow_lt; lra).
  assert (T : 0 < pow2 (-126) * (1 + u) ^ n) by now apply Rmult_lt_0_compat.
  replace (M / (127 * 254 ^ S n)) with (M / (127 * 254 ^ n) / 254) in H by (simpl; field; lra).
  simpl in H |- *; set (z := M / (127 * 254 ^ n)) in *.
  replace (pow2 (-126) * ((1 + u) * ((1 + u) * (1 + u) ^ n)))
    with (pow2 (-126) * (1 + u) ^ n * ((1 + u) * (1 + u))) in H by ring.
  replace (pow2 (-126) * ((1 + u) * (1 + u) ^ n))
    with (pow2 (-126) * (1 + u) ^ n * (1 + u)) by ring.
  set (t := pow2 (-126) * (1 + u) ^ n) in *; lra.
Qed.

Lemma scale_1 : normal_scales 1 ->
  M / 127 / (1 + u) <= s1 <= M / 127 * (1 + u) /\ pow2 (-126) <= s1 /\ is_binary32 s1.
Proof.
  unfold normal_scales; simpl; rewrite !Rmult_1_r; intros N.
  assert (P := bpow_gt_0 radix2 (-126)); apply scaled_down; simpl in *; lra.
Qed.

Lemma scale_2 : normal_scales 2 ->
  s1 / 254 / (1 + u) <= s2 <= s1 / 254 * (1 + u) /\ pow2 (-126) <= s2 /\ is_binary32 s2.
Proof.
  intros N; destruct (scale_1 (fewer_normal_scales 1 (le_n _) N)) as [B _].
  unfold normal_scales in N; simpl in N; rewrite !Rmult_1_r in N.
  assert (P := bpow_gt_0 radix2 (-126)); apply scaled_down; simpl in *; lra.
Qed.

Lemma scale_3 : normal_scales 3 ->
  s2 / 254 / (1 + u) <= s3 <= s2 / 254 * (1 + u) /\ pow2 (-126) <= s3 /\ is_binary32 s3.
Proof.
  intros N; assert (N2 := fewer_normal_scales 2 ltac:(lia) N).
  destruct (scale_1 (fewer_normal_scales 1 (le_n _) N2)) as [B _].
  destruct (scale_2 N2) as [C _].
  unfold normal_scales in N; simpl in N; rewrite !Rmult_1_r in N.
  assert (P := bpow_gt_0 radix2 (-126)); apply scaled_down; simpl in *; lra.
Qed.

Lemma start : normal_scales 1 -> Rabs x <= 637 / 5 * s1.
Proof. intros N; destruct (scale_1 N) as [A _]; lra. Qed.

(** What a pass leaves is what the next one can take. *)
Lemma carry r s s' :
  is_binary32 r -> is_binary32 s -> pow2 (-126) <= s -> Rabs r <= 637 / 5 * s ->
  s / 254 / (1 + u) <= s' ->
  next_remainder choice r s = r - product choice r s /\
  is_binary32 (next_remainder choice r s) /\
  Rabs (next_remainder choice r s) <= 637 / 5 * s'.
Proof.
  intros Fr Fs Hs Hr Hs'.
  assert (X := subtraction_exact choice r s Fr Fs Hs Hr).
  repeat split; [exact X | apply generic_format_round; auto with typeclass_instances |].
  rewrite X; assert (0 < s) by (apply Rlt_le_trans with (2 := Hs), bpow_gt_0).
  assert (A := pass_error choice r s Hs Hr); assert (B := product_error choice r s Hs Hr).
  apply Rabs_le; apply Rabs_le_inv in A, B; lra.
Qed.

Lemma first_pass (N : normal_scales 2) :
  r1 = x - product choice x s1 /\ is_binary32 r1 /\ Rabs r1 <= 637 / 5 * s2.
Proof.
  assert (N1 := fewer_normal_scales 1 (le_n _) N).
  destruct (scale_1 N1) as [_ [L F]]; destruct (scale_2 N) as [[B _] _].
  exact (carry x s1 s2 Fx F L (start N1) B).
Qed.

Lemma second_pass (N : normal_scales 3) :
  r2 = r1 - product choice r1 s2 /\ is_binary32 r2 /\ Rabs r2 <= 637 / 5 * s3.
Proof.
  assert (N2 := fewer_normal_scales 2 ltac:(lia) N).
  destruct (first_pass N2) as [_ [Fr R]].
  destruct (scale_2 N2) as [_ [L F]]; destruct (scale_3 N) as [[B _] _].
  exact (carry r1 s2 s3 Fr F L R B).
Qed.

Theorem remainders_exact : normal_scales 3 ->
  r1 = x - product choice x s1 /\ r2 = r1 - product choice r1 s2.
Proof.
  intros N; split; [apply first_pass, fewer_normal_scales; [lia | exact N] | now apply second_pass].
Qed.

Theorem digits_within_127 :
  (normal_scales 1 -> Rabs q1 <= 127) /\ (normal_scales 2 -> Rabs q2 <= 127) /\
  (normal_scales 3 -> Rabs q3 <= 127).
Proof.
  repeat split; intros N.
  - destruct (scale_1 N) as [_ [L _]]; exact (digit_bound choice x s1 L (start N)).
  - destruct (first_pass N) as [_ [_ R]]; destruct (scale_2 N) as [_ [L _]].
    exact (digit_bound choice r1 s2 L R).
  - destruct (second_pass N) as [_ [_ R]]; destruct (scale_3 N) as [_ [L _]].
    exact (digit_bound choice r2 s3 L R).
Qed.

Theorem one_pass : normal_scales 1 ->
  Rabs (x - s1 * q1) <= M * (1 + u) * ((1 + / 131072) / 254).
Proof.
  intros N; destruct (scale_1 N) as [S [L _]].
  apply Rle_trans with (1 := pass_error choice x s1 L (start N)); lra.
Qed.

Theorem two_passes : normal_scales 2 ->
  Rabs (x - (s1 * q1 + s2 * q2)) <= M * (1 + u) ^ 2 * ((1 + / 131072) / 64516 + u).
Proof.
  intros N; assert (N1 := fewer_normal_scales 1 (le_n _) N).
  destruct (scale_1 N1) as [S1 [L1 _]]; destruct (scale_2 N) as [S2 [L2 _]].
  destruct (first_pass N) as [X [_ R]].
  assert (A := product_error choice x s1 L1 (start N1)).
  assert (B := pass_error choice r1 s2 L2 R).
  replace (x - _) with (product choice x s1 - s1 * q1 + (r1 - s2 * q2)) by lra.
  unfold q1, q2; simpl pow; apply Rabs_le; apply Rabs_le_inv in A, B; lra.
Qed.

Theorem three_passes : normal_scales 3 ->
  Rabs (x - (s1 * q1 + s2 * q2 + s3 * q3)) <=
    M * (1 + u) ^ 3 * ((1 + / 131072) / 16387064 + u * (1 + / 254)).
Proof.
  intros N; assert (N2 := fewer_normal_scales 2 ltac:(lia) N).
  assert (N1 := fewer_normal_scales 1 (le_n _) N2).
  destruct (scale_1 N1) as [S1 [L1 _]]; destruct (scale_2 N2) as [S2 [L2 _]].
  destruct (scale_3 N) as [S3 [L3 _]].
  destruct (first_pass N2) as [X [_ R]]; destruct (second_pass N) as [X' [_ R']].
  assert (A := product_error choice x s1 L1 (start N1)).
  assert (B := product_error choice r1 s2 L2 R).
  assert (C := pass_error choice r2 s3 L3 R').
  replace (x - _) with (product choice x s1 - s1 * q1 + (product choice r1 s2 - s2 * q2)
    + (r2 - s3 * q3)) by lra.
  unfold q1, q2, q3; simpl pow; apply Rabs_le; apply Rabs_le_inv in A, B, C; lra.
Qed.

(** No overflow, unless M is the largest binary32 number, where 127 s1 rounds up to infinity. *)
Theorem no_overflow : normal_scales 1 ->
  M <= 16777214 * pow2 104 -> Rabs (product choice x s1) <= 16777215 * pow2 104.
Proof.
  intros N Top; destruct (scale_1 N) as [S [L _]].
  assert (P := bpow_gt_0 radix2 104).
  apply abs_round_le_generic; auto with typeclass_instances.
  { apply generic_format_FLT.
    exists (Float radix2 16777215 104); [reflexivity | reflexivity | simpl; lia]. }
  assert (D := digit_bound choice x s1 L (start N)).
  rewrite Rabs_mult, (Rabs_pos_eq s1) by (assert (Q := bpow_gt_0 radix2 (-126)); lra).
  apply Rle_trans with (s1 * 127); [|lra].
  apply Rmult_le_compat_l; [assert (Q := bpow_gt_0 radix2 (-126)); lra | exact D].
Qed.

End Passes.

(** * Gappa certificates *)

(** The first digit, M normalised to [1, 2], ties to even. *)
Theorem first_digit_within_127 M x :
  1 <= M <= 2 -> Rabs (x / M) <= 1 -> Rabs (integer (quotient x (first_scale M))) <= 127.
Proof.
  intros HM Hx.
  assert (S : 0 < first_scale M).
  { assert (P : pow2 (-126) <= M / 127) by (simpl; lra).
    destruct (scaled_down M 127 ltac:(lra) P) as [H _]; unfold first_scale; lra. }
  apply Rnot_lt_le; intros Above; apply (first_digit.l1 x M); unfold Float1;
    try (split; [split|]; discharge);
    set (s := first_scale M) in S; change (round _ _ _ (M / 127)) with s; clearbody s;
    field; repeat split; lra.
Qed.

(** Kernels that multiply by fl(127/M) once: t is that product, ties away from zero. *)
Theorem reciprocal_two_passes t
    (a := round radix2 (FIX_exp 0) ZnearestA t)
    (b := round radix2 (FIX_exp 0) ZnearestA (binary32 (254 * binary32 (t - a)))) :
  Rabs t <= 127 -> Rabs (a + b / 254 - t) <= 1 / 508 * (1 + / 65536).
Proof.
  intros H.
  assert (C : Rabs ((a + b / 254 - t) * 254) <= 65537 / 131072) by by_certificate (reciprocal.l1 t).
  rewrite Rabs_mult, (Rabs_pos_eq 254) in C by lra; lra.
Qed.
