(** What the theorems share: element formats as Flocq roundings of the reals, the scaling lemma,
    the half-ulp bound on a binade, exactness of the remainder, and the bridge to Gappa. *)

From Coq Require Export Reals ZArith Lia Lra Psatz.
From Flocq Require Export Core Relative.
From Gappa Require Export Gappa_library.
(* Both libraries call the exponent function of a float format FLT_exp; Flocq's is meant. *)
Notation FLT_exp := FLT.FLT_exp.
Notation pow2 e := (bpow radix2 e).
Open Scope R_scope.

(** * Formats. Exponents are unbounded above: [saturate] says what a cast does up there. *)

Definition binary (emin p : Z) (x : R) : R := round radix2 (FLT_exp emin p) ZnearestE x.
Definition E2M1 := binary (-1) 2.
Definition E2M3 := binary (-3) 4.
Definition E3M2 := binary (-4) 3.
Definition E4M3 := binary (-9) 4.
Definition E5M2 := binary (-16) 3.
Definition binary32 := binary (-149) 24.
Definition is_binary32 (x : R) : Prop := generic_format radix2 (FLT_exp (-149) 24) x.
Definition integer (x : R) : R := round radix2 (FIX_exp 0) ZnearestE x.

Definition saturate (m x : R) : R := Rmax (- m) (Rmin m x).

Lemma saturate_id m x : Rabs x <= m -> saturate m x = x.
Proof.
  intros H; apply Rabs_le_inv in H; unfold saturate.
  rewrite Rmin_right by lra; apply Rmax_right; lra.
Qed.

Lemma saturate_bound m x : 0 <= m -> Rabs (saturate m x) <= m.
Proof.
  intros Hm; unfold saturate; apply Rabs_le; split; [apply Rmax_l|].
  apply Rmax_lub; [lra | apply Rmin_l].
Qed.

(** [integer] is the nearest integer, ties to even. *)
Lemma integer_IZR x : integer x = IZR (ZnearestE x).
Proof.
  unfold integer, round, scaled_mantissa, cexp, FIX_exp, F2R; simpl.
  now rewrite !Rmult_1_r.
Qed.

(** * Rounding to nearest, any tie rule. *)

Section Nearest.

Variables (emin p : Z) (choice : Z -> bool).
Hypothesis Hp : (0 < p)%Z.
Local Instance prec_gt_0_p : Prec_gt_0 p := Hp.
Notation fl e := (round radix2 (FLT_exp e p) (Znearest choice)).

(** Scaling by a power of two commutes with rounding once the underflow threshold moves along. *)
Lemma scaling k x : pow2 k * fl emin (x / pow2 k) = fl (emin + k)%Z x.
Proof.
  assert (Hk := bpow_gt_0 radix2 k).
  destruct (Req_dec x 0) as [-> | Hx].
  { unfold Rdiv; rewrite Rmult_0_l, !round_0 by auto with typeclass_instances; ring. }
  assert (C : cexp radix2 (FLT_exp (emin + k) p) x = (cexp radix2 (FLT_exp emin p) (x / pow2 k) + k)%Z).
  { unfold cexp, FLT_exp.
    replace (x / pow2 k) with (x * pow2 (- k)) by (rewrite bpow_opp; reflexivity).
    rewrite mag_mult_bpow by assumption; lia. }
  unfold round, F2R, scaled_mantissa; simpl; rewrite C, bpow_plus.
  replace (x * pow2 (- (cexp radix2 (FLT_exp emin p) (x / pow2 k) + k)))
    with (x / pow2 k * pow2 (- cexp radix2 (FLT_exp emin p) (x / pow2 k))).
  { ring. }
  rewrite Z.opp_add_distr, bpow_plus, (bpow_opp radix2 k); unfold Rdiv; ring.
Qed.

(** Up to 2^e the error is at most half of the spacing of the binade below 2^e. *)
Lemma nearest_error e x :
  (emin <= e - p)%Z -> Rabs x <= pow2 e -> Rabs (fl emin x - x) <= pow2 (e - p - 1).
Proof.
  intros He [Hx | Hx].
  - apply Rle_trans with (/ 2 * ulp radix2 (FLT_exp emin p) x).
    { apply error_le_half_ulp; auto with typeclass_instances. }
    apply Rle_trans with (/ 2 * pow2 (e - p)).
    { apply Rmult_le_compat_l; [lra|].
      destruct (Req_dec x 0) as [-> | Nx].
      - rewrite ulp_FLT_small; auto with typeclass_instances.
        + now apply bpow_le.
        + rewrite Rabs_R0; apply bpow_gt_0.
      - rewrite ulp_neq_0 by assumption; apply bpow_le; unfold cexp, FLT_exp.
        assert (M := mag_le_bpow radix2 x e Nx Hx); lia. }
    right; replace (e - p - 1)%Z with (- (1) + (e - p))%Z by lia.
    rewrite bpow_plus; simpl; lra.
  - rewrite round_generic; auto with typeclass_instances.
    + rewrite Rminus_diag_eq, Rabs_R0 by reflexivity; apply bpow_ge_0.
    + apply generic_format_abs_inv; rewrite Hx; apply generic_format_bpow; unfold FLT_exp; lia.
Qed.

Lemma nearest_bound e x : (emin <= e - p)%Z -> Rabs x <= pow2 e -> Rabs (fl emin x) <= pow2 e.
Proof.
  intros He Hx; apply abs_round_le_generic; auto with typeclass_instances.
  apply generic_format_bpow; unfold FLT_exp; lia.
Qed.

(** A tie is half a unit in the last place away, whichever way it goes. *)
Lemma integer_tie z : Rabs (IZR (Znearest choice (IZR z + / 2)) - (IZR z + / 2)) = / 2.
Proof.
  apply Rle_antisym; [rewrite Rabs_minus_sym; apply Znearest_half|].
  destruct (Z.le_gt_cases (Znearest choice (IZR z + / 2)) z) as [L | L].
  - apply IZR_le in L; rewrite Rabs_left1; lra.
  - apply Zlt_le_succ, IZR_le in L; rewrite succ_IZR in L; rewrite Rabs_pos_eq; lra.
Qed.

Lemma tie_error z x :
  x = (IZR z + / 2) * pow2 (cexp radix2 (FLT_exp emin p) x) ->
  Rabs (fl emin x - x) = pow2 (cexp radix2 (FLT_exp emin p) x) / 2.
Proof.
  set (c := cexp _ _ x); intros Hx.
  assert (Hc := bpow_gt_0 radix2 c).
  assert (S : scaled_mantissa radix2 (FLT_exp emin p) x = IZR z + / 2).
  { unfold scaled_mantissa; fold c; rewrite Hx, bpow_opp; field; lra. }
  unfold round, F2R; simpl; fold c; rewrite S, Hx.
  rewrite <- Rmult_minus_distr_r, Rabs_mult, (Rabs_pos_eq (pow2 c)), integer_tie by lra; lra.
Qed.

(** The standard model, with the optimal constant u/(1+u), and the underflow unit 2^emin. *)
Lemma nearest_relative x :
  Rabs (fl emin x - x) <= Rmax (pow2 (- p) / (1 + pow2 (- p)) * Rabs x) (pow2 emin / 2).
Proof.
  destruct (relative_error_N_FLT'_ex radix2 emin p Hp choice x) as (d & e & D & E & N & ->).
  assert (U : u_ro radix2 p = pow2 (- p)).
  { unfold u_ro; replace (- p + 1)%Z with (1 + - p)%Z by ring; rewrite bpow_plus; simpl; lra. }
  rewrite U in D.
  replace (x * (1 + d) + e - x) with (d * x + e) by ring.
  destruct (Rmult_integral _ _ N) as [-> | ->].
  - rewrite Rmult_0_l, Rplus_0_l; apply Rle_trans with (2 := Rmax_r _ _); lra.
  - rewrite Rplus_0_r, Rabs_mult; apply Rle_trans with (2 := Rmax_l _ _).
    apply Rmult_le_compat_r; [apply Rabs_pos | exact D].
Qed.

(** The remainder of rounding to a coarser format is representable where the argument was. *)
Lemma remainder_exact emin' p' x :
  (emin <= emin')%Z -> (0 < p' <= p)%Z ->
  generic_format radix2 (FLT_exp emin p) x ->
  generic_format radix2 (FLT_exp emin p)
    (x - round radix2 (FLT_exp emin' p') (Znearest choice) x).
Proof.
  intros He [Hp' Hpp] Fx.
  assert (P' : Prec_gt_0 p') by exact Hp'.
  set (y := round _ _ _ x).
  destruct (Req_dec x 0) as [Zx | Nx].
  { unfold y; rewrite Zx, round_0 by auto with typeclass_instances.
    rewrite Rminus_0_r; apply generic_format_0. }
  assert (A : Rabs (y - x) <= Rabs (0 - x)).
  { destruct (round_N_pt radix2 (FLT_exp emin' p') choice x) as [_ N].
    apply N; apply generic_format_0. }
  rewrite Rminus_0_l, Rabs_Ropp in A.
  set (c := cexp radix2 (FLT_exp emin p) x).
  set (c' := cexp radix2 (FLT_exp emin' p') x).
  assert (Hc : (c <= c')%Z) by (unfold c, c', cexp, FLT_exp; lia).
  set (m := Ztrunc (scaled_mantissa radix2 (FLT_exp emin p) x)).
  set (m' := Znearest choice (scaled_mantissa radix2 (FLT_exp emin' p') x)).
  assert (X : x = IZR m * pow2 c) by exact Fx.
  assert (Y : y = IZR (m' * 2 ^ (c' - c)) * pow2 c).
  { unfold y, round, F2R; simpl; fold m' c'.
    rewrite mult_IZR, (IZR_Zpower radix2) by lia.
    rewrite Rmult_assoc, <- bpow_plus; do 2 f_equal; lia. }
  assert (D : x - y = F2R (Float radix2 (m - m' * 2 ^ (c' - c)) c)).
  { unfold F2R; simpl; rewrite minus_IZR, X, Y at 1; ring. }
  apply generic_format_FLT.
  exists (Float radix2 (m - m' * 2 ^ (c' - c)) c); [exact D | simpl | simpl].
  - apply Z.le_lt_trans with (Z.abs m).
    + apply le_IZR; rewrite !abs_IZR.
      apply Rmult_le_reg_r with (pow2 c); [apply bpow_gt_0|].
      rewrite <- (Rabs_pos_eq (pow2 c)) by apply bpow_ge_0.
      rewrite <- !Rabs_mult, <- X.
      rewrite Rabs_minus_sym in A; rewrite D in A; exact A.
    + apply lt_IZR; rewrite abs_IZR, (IZR_Zpower radix2) by lia.
      apply Rmult_lt_reg_r with (pow2 c); [apply bpow_gt_0|].
      rewrite <- (Rabs_pos_eq (pow2 c)) at 1 by apply bpow_ge_0.
      rewrite <- Rabs_mult, <- X, <- bpow_plus.
      apply Rlt_le_trans with (pow2 (mag radix2 x)); [apply bpow_mag_gt|].
      apply bpow_le; unfold c, cexp, FLT_exp; lia.
  - unfold c, cexp, FLT_exp; lia.
Qed.

End Nearest.

(** * From a certificate to a theorem

    Gappa proves [enclosures -> False], an enclosure being [BND r i] with dyadic ends, under one
    hypothesis for each rewriting hint. [by_certificate] closes [a <= b]: it proves the hints by
    [field], reads the enclosures as inequalities and leaves nothing. *)

Definition dyadic (f : float2) : R :=
  IZR (Fnum f * 2 ^ Z.max 0 (Fexp f)) / IZR (2 ^ Z.max 0 (- Fexp f)).

Lemma dyadic_correct f : float2R f = dyadic f.
Proof.
  destruct f as [m e]; unfold float2R, dyadic, F2R; simpl.
  assert (P : forall z : Z, IZR (2 ^ Z.max 0 z) = pow2 (Z.max 0 z)).
  { intros z; apply (IZR_Zpower radix2); lia. }
  rewrite mult_IZR, !P; unfold Rdiv; rewrite <- bpow_opp, Rmult_assoc, <- bpow_plus.
  do 2 f_equal; lia.
Qed.

Lemma BND_dyadic r i : BND r i <-> dyadic (lower i) <= r <= dyadic (upper i).
Proof. unfold BND; now rewrite <- !dyadic_correct. Qed.

Ltac evaluate_dyadic :=
  repeat match goal with
  | |- context [dyadic ?f] => let v := eval cbv -[IZR Rdiv] in (dyadic f) in change (dyadic f) with v
  | H : context [dyadic ?f] |- _ =>
      let v := eval cbv -[IZR Rdiv] in (dyadic f) in change (dyadic f) with v in H
  end.

(* The certificate's terms are the theorem's up to unfolding, which lra does not do. *)
Ltac contradict_upper :=
  intros [_ High];
  lazymatch goal with
  | Above : ?b < ?e |- False => apply (Rlt_not_le _ _ Above), (Rle_trans e _ b High); lra
  end.

Ltac contradict_lower :=
  intros Low;
  lazymatch goal with
  | Below : ?e < ?b |- False => apply (Rlt_not_le _ _ Below); refine (Rle_trans b _ e _ Low); lra
  end.

Ltac discharge :=
  lazymatch goal with
  | |- _ /\ _ => split; discharge
  | |- not (BND _ _) => rewrite BND_dyadic; evaluate_dyadic; contradict_upper
  | |- not (Rle _ _) => rewrite dyadic_correct; evaluate_dyadic; contradict_lower
  | |- BND (Rabs ?r) _ => apply BND_dyadic; evaluate_dyadic; pose proof (Rabs_pos r); lra
  | |- BND _ _ => apply BND_dyadic; evaluate_dyadic; lra
  | |- _ = _ => unfold Float1; field
  | |- _ => progress red; discharge
  end.

Ltac by_certificate l := apply Rnot_lt_le; intros ?; apply l; discharge.
