(** Rounding to an element format. *)

From Msdnum Require Import Decomposition.
From Msdnum.element_rounding Require
  e2m1_absolute e2m1_subnormal e2m1_relative e2m3_absolute e2m3_subnormal e2m3_relative
  e3m2_absolute e3m2_subnormal e3m2_relative e4m3_absolute e4m3_subnormal e4m3_relative
  e5m2_absolute e5m2_subnormal e5m2_relative int8_absolute mxint8_absolute.

(** * Every format at once, saturation included *)

Definition cast (f : element) (x : R) : R :=
  saturate (max_finite f) (binary (emin f) (prec f) x).
Definition unit_roundoff (f : element) : R := pow2 (- prec f).
Definition eta (f : element) : R := pow2 (emin f).

(** The largest finite value is (2^p - odd) 2^e: it is a number of the format. *)
Definition formats := [e2m1; e2m3; e3m2; e4m3; e5m2].

Lemma max_finite_in_format f :
  In f formats -> generic_format radix2 (FLT_exp (emin f) (prec f)) (max_finite f).
Proof.
  intros [<- | [<- | [<- | [<- | [<- | []]]]]]; apply generic_format_FLT.
  - exists (Float radix2 3 1); [unfold F2R; simpl; lra | reflexivity | simpl; lia].
  - exists (Float radix2 15 (-1)); [unfold F2R; simpl; lra | reflexivity | simpl; lia].
  - exists (Float radix2 7 2); [unfold F2R; simpl; lra | reflexivity | simpl; lia].
  - exists (Float radix2 7 6); [unfold F2R; simpl; lra | reflexivity | simpl; lia].
  - exists (Float radix2 7 13); [unfold F2R; simpl; lra | reflexivity | simpl; lia].
Qed.

Lemma formats_well_formed f : In f formats -> well_formed f.
Proof. intros [<- | [<- | [<- | [<- | [<- | []]]]]]; well_formed. Qed.

Lemma cast_in_range f x :
  In f formats -> Rabs x <= max_finite f -> cast f x = binary (emin f) (prec f) x.
Proof.
  intros F Hx; destruct (formats_well_formed f F) as [[P _] _]; apply saturate_id.
  assert (P' : Prec_gt_0 (prec f)) by exact P.
  apply abs_round_le_generic; auto with typeclass_instances; now apply max_finite_in_format.
Qed.

Theorem element_rounding f x :
  In f formats -> Rabs x <= max_finite f ->
  Rabs (cast f x - x) <= Rmax (unit_roundoff f / (1 + unit_roundoff f) * Rabs x) (eta f / 2).
Proof.
  intros F Hx; rewrite cast_in_range by assumption.
  destruct (formats_well_formed f F) as [[P _] _]; now apply nearest_relative.
Qed.

(** The same for any tie rule. *)
Definition cast_with (choice : Z -> bool) (f : element) (x : R) : R :=
  saturate (max_finite f) (round radix2 (FLT_exp (emin f) (prec f)) (Znearest choice) x).

Theorem element_rounding_any_ties choice f x :
  In f formats -> Rabs x <= max_finite f ->
  Rabs (cast_with choice f x - x) <=
    Rmax (unit_roundoff f / (1 + unit_roundoff f) * Rabs x) (eta f / 2).
Proof.
  intros F Hx; destruct (formats_well_formed f F) as [[P _] _]; unfold cast_with.
  rewrite saturate_id; [now apply nearest_relative|].
  assert (P' : Prec_gt_0 (prec f)) by exact P.
  apply abs_round_le_generic; auto with typeclass_instances; now apply max_finite_in_format.
Qed.

(** Both terms are attained: at 1 + u and at eta/2, two ties. *)
Theorem relative_attained f (u := unit_roundoff f) :
  In f formats -> Rabs (cast f (1 + u) - (1 + u)) = u / (1 + u) * Rabs (1 + u).
Proof.
  intros F; assert (U : 0 < u < 1).
  { split; [apply bpow_gt_0|]; apply (bpow_lt radix2 _ 0).
    destruct (formats_well_formed f F) as [[P _] _]; lia. }
  assert (C : cexp radix2 (FLT_exp (emin f) (prec f)) (1 + u) = (1 - prec f)%Z).
  { unfold cexp, FLT_exp; rewrite (mag_unique_pos radix2 _ 1); [|simpl; lra].
    repeat (destruct F as [<- | F]; [reflexivity|]); destruct F. }
  assert (D : pow2 (1 - prec f) = 2 * u) by apply bpow_plus.
  rewrite cast_in_range; [| exact F |].
  - unfold binary; rewrite (tie_error _ _ _ (2 ^ (prec f - 1))), C, D.
    + rewrite Rabs_pos_eq by lra; field; lra.
    + destruct (formats_well_formed f F) as [[P _] _].
      rewrite C, (IZR_Zpower radix2), Rmult_plus_distr_r, <- bpow_plus by lia.
      replace (prec f - 1 + (1 - prec f))%Z with 0%Z by ring.
      rewrite D; simpl; lra.
  - rewrite Rabs_pos_eq by lra.
    repeat (destruct F as [<- | F]; [simpl; lra|]); destruct F.
Qed.

Theorem subnormal_attained f :
  In f formats -> Rabs (cast f (eta f / 2) - eta f / 2) = eta f / 2.
Proof.
  intros F; assert (E := bpow_gt_0 radix2 (emin f)); fold (eta f) in E.
  assert (C : cexp radix2 (FLT_exp (emin f) (prec f)) (eta f / 2) = emin f).
  { unfold cexp, FLT_exp; rewrite (mag_unique_pos radix2 _ (emin f)).
    - destruct (formats_well_formed f F) as [[P _] _]; lia.
    - fold (eta f); unfold Z.sub; rewrite bpow_plus; fold (eta f); simpl; lra. }
  rewrite cast_in_range; [| exact F |].
  - unfold binary; rewrite (tie_error _ _ _ 0), C; [reflexivity | rewrite C; fold (eta f); lra].
  - rewrite Rabs_pos_eq by lra.
    unfold eta; repeat (destruct F as [<- | F]; [simpl; lra|]); destruct F.
Qed.

(** * Format by format, as Gappa certificates *)

Theorem e2m1_absolute x : Rabs x <= 6 -> Rabs (E2M1 x - x) <= 1.
Proof. intros H; by_certificate (e2m1_absolute.l1 x). Qed.

Theorem e2m1_subnormal x : Rabs x <= 2 -> Rabs (E2M1 x - x) <= 1 / 4.
Proof. intros H; by_certificate (e2m1_subnormal.l1 x). Qed.

Theorem e2m1_relative x : 1 <= Rabs x <= 6 -> Rabs ((E2M1 x - x) / x) <= 1 / 4.
Proof. intros H; by_certificate (e2m1_relative.l1 x). Qed.

Theorem e2m3_absolute x : Rabs x <= 15 / 2 -> Rabs (E2M3 x - x) <= 1 / 4.
Proof. intros H; by_certificate (e2m3_absolute.l1 x). Qed.

Theorem e2m3_subnormal x : Rabs x <= 2 -> Rabs (E2M3 x - x) <= 1 / 16.
Proof. intros H; by_certificate (e2m3_subnormal.l1 x). Qed.

Theorem e2m3_relative x : 1 <= Rabs x <= 15 / 2 -> Rabs ((E2M3 x - x) / x) <= 1 / 16.
Proof. intros H; by_certificate (e2m3_relative.l1 x). Qed.

Theorem e3m2_absolute x : Rabs x <= 28 -> Rabs (E3M2 x - x) <= 2.
Proof. intros H; by_certificate (e3m2_absolute.l1 x). Qed.

Theorem e3m2_subnormal x : Rabs x <= 1 / 2 -> Rabs (E3M2 x - x) <= 1 / 32.
Proof. intros H; by_certificate (e3m2_subnormal.l1 x). Qed.

Theorem e3m2_relative x : 1 / 4 <= Rabs x <= 28 -> Rabs ((E3M2 x - x) / x) <= 1 / 8.
Proof. intros H; by_certificate (e3m2_relative.l1 x). Qed.

Theorem e4m3_absolute x : Rabs x <= 448 -> Rabs (E4M3 x - x) <= 16.
Proof. intros H; by_certificate (e4m3_absolute.l1 x). Qed.

Theorem e4m3_subnormal x : Rabs x <= 1 / 32 -> Rabs (E4M3 x - x) <= 1 / 1024.
Proof. intros H; by_certificate (e4m3_subnormal.l1 x). Qed.

Theorem e4m3_relative x : 1 / 64 <= Rabs x <= 448 -> Rabs ((E4M3 x - x) / x) <= 1 / 16.
Proof. intros H; by_certificate (e4m3_relative.l1 x). Qed.

Theorem e5m2_absolute x : Rabs x <= 57344 -> Rabs (E5M2 x - x) <= 4096.
Proof. intros H; by_certificate (e5m2_absolute.l1 x). Qed.

Theorem e5m2_subnormal x : Rabs x <= 1 / 8192 -> Rabs (E5M2 x - x) <= 1 / 131072.
Proof. intros H; by_certificate (e5m2_subnormal.l1 x). Qed.

Theorem e5m2_relative x : 1 / 16384 <= Rabs x <= 57344 -> Rabs ((E5M2 x - x) / x) <= 1 / 8.
Proof. intros H; by_certificate (e5m2_relative.l1 x). Qed.

Theorem int8_absolute x : Rabs x <= 127 -> Rabs (integer x - x) <= 1 / 2.
Proof. intros H; by_certificate (int8_absolute.l1 x). Qed.

Theorem mxint8_absolute x :
  Rabs x <= 127 / 64 -> Rabs (round radix2 (FIX_exp (-6)) ZnearestE x - x) <= 1 / 128.
Proof. intros H; by_certificate (mxint8_absolute.l1 x). Qed.
