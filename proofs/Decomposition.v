(** Decompositions in exact arithmetic: what every pass leaves, for any sequence of element formats.
    Theorems mxfp4-decomposition, mxfp8-decomposition, int8-decomposition and mixed-decomposition
    are instances. *)

From Coq Require Export List.
From Msdnum Require Export Formats.
Export ListNotations.

(** * Power-of-two scales (E8M0: the exponent is at least -127) *)

Record element := Element { emin : Z; prec : Z; emax : Z; max_finite : R }.

Definition well_formed (f : element) : Prop :=
  (0 < prec f <= 24)%Z /\ (-22 <= emin f <= emax f - prec f)%Z /\ (0 <= emax f)%Z /\
  pow2 (emax f) <= max_finite f.

Definition e2m1 := Element (-1) 2 2 6.
Definition e2m3 := Element (-3) 4 2 (15 / 2).
Definition e3m2 := Element (-4) 3 4 28.
Definition e4m3 := Element (-9) 4 8 448.
Definition e5m2 := Element (-16) 3 15 57344.

(** 2^k covers what the pass is given; the scale is 2^k / 2^emax. *)
Definition scale (f : element) (k : Z) : R := pow2 (Z.max (-127) (k - emax f)).
Definition digit (f : element) (k : Z) (x : R) : R := binary (emin f) (prec f) (x / scale f k).
Definition term (f : element) (k : Z) (x : R) : R :=
  scale f k * saturate (max_finite f) (digit f k x).
Definition next (f : element) (k : Z) : Z := (k - (prec f + 1))%Z.

Fixpoint remainder (fs : list element) (k : Z) (x : R) : R :=
  match fs with
  | [] => x
  | f :: fs => remainder fs (next f k) (x - term f k x)
  end.

Fixpoint gained (fs : list element) : Z :=
  match fs with
  | [] => 0%Z
  | f :: fs => (prec f + 1 + gained fs)%Z
  end.

(** No pass saturates. *)
Fixpoint unsaturated (fs : list element) (k : Z) (x : R) : Prop :=
  match fs with
  | [] => True
  | f :: fs => Rabs (digit f k x) <= max_finite f /\ unsaturated fs (next f k) (x - term f k x)
  end.

Ltac well_formed := repeat split; simpl; lia || lra.
Lemma e2m1_well_formed : well_formed e2m1. Proof. well_formed. Qed.
Lemma e2m3_well_formed : well_formed e2m3. Proof. well_formed. Qed.
Lemma e3m2_well_formed : well_formed e3m2. Proof. well_formed. Qed.
Lemma e4m3_well_formed : well_formed e4m3. Proof. well_formed. Qed.
Lemma e5m2_well_formed : well_formed e5m2. Proof. well_formed. Qed.

(** The roundings of Formats.v are those of these records, and emax is the exponent of the largest. *)
Lemma records_of_formats :
  E2M1 = binary (emin e2m1) (prec e2m1) /\ E2M3 = binary (emin e2m3) (prec e2m3) /\
  E3M2 = binary (emin e3m2) (prec e3m2) /\ E4M3 = binary (emin e4m3) (prec e4m3) /\
  E5M2 = binary (emin e5m2) (prec e5m2).
Proof. repeat split. Qed.

Lemma emax_of_largest f :
  In f [e2m1; e2m3; e3m2; e4m3; e5m2] -> pow2 (emax f) <= max_finite f < pow2 (emax f + 1).
Proof. intros [<- | [<- | [<- | [<- | [<- | []]]]]]; simpl; lra. Qed.

Lemma Forall_repeated (P : element -> Prop) f n : P f -> Forall P (repeat f n).
Proof. intros H; apply Forall_forall; intros g I; now rewrite (repeat_spec _ _ _ I). Qed.

Lemma scale_pos f k : 0 < scale f k.
Proof. apply bpow_gt_0. Qed.

(** One pass, underflow included: [m] bounds the exponent of what it is given. *)
Lemma pass f k m x :
  well_formed f -> (m <= Z.max (-127) (k - emax f) + emax f)%Z ->
  (Z.max (-127) (k - emax f) + emin f <= m - prec f)%Z -> Rabs x <= pow2 m ->
  Rabs (digit f k x) <= max_finite f /\ Rabs (x - term f k x) <= pow2 (m - prec f - 1).
Proof.
  intros [[P _] [[_ E] [_ Hmax]]] Hm Hu Hx.
  assert (D : Rabs (digit f k x) <= max_finite f).
  { apply Rle_trans with (2 := Hmax); apply (nearest_bound (emin f) (prec f)); [lia | lia |].
    unfold Rdiv; rewrite Rabs_mult, Rabs_inv, (Rabs_pos_eq (scale f k))
      by (left; apply scale_pos).
    apply Rmult_le_reg_r with (scale f k); [apply scale_pos|].
    rewrite Rmult_assoc, Rinv_l, Rmult_1_r by (apply Rgt_not_eq, scale_pos).
    apply Rle_trans with (1 := Hx); unfold scale; rewrite <- bpow_plus; apply bpow_le; lia. }
  split; [exact D|].
  unfold term; rewrite saturate_id by exact D; unfold digit, binary, scale.
  rewrite scaling by lia; rewrite Rabs_minus_sym.
  apply nearest_error; try lia; exact Hx.
Qed.

(** The underflow unit of every format, at the smallest scale, is at most 2^(u+1). *)
Definition underflow (fs : list element) (u : Z) : Prop :=
  (u <= -127)%Z /\ Forall (fun f => (emin f - 128 <= u)%Z) fs.

Theorem remainder_bound fs u k x :
  Forall well_formed fs -> underflow fs u -> Rabs x <= pow2 (Z.max k u) ->
  unsaturated fs k x /\ Rabs (remainder fs k x) <= pow2 (Z.max (k - gained fs) u).
Proof.
  intros W [Hu U]; revert k x; induction W as [|f fs Wf W IH]; intros k x Hx.
  { simpl; split; [exact I|]; now rewrite Z.sub_0_r. }
  inversion U as [|f' fs' Uf Ufs]; subst; simpl.
  assert (Wf' := Wf); destruct Wf' as [[P _] [[_ E] [Hmax _]]].
  set (m := Z.max (Z.max k u) (Z.max (-127) (k - emax f) + emin f + prec f)).
  assert (H : Rabs (digit f k x) <= max_finite f /\
              Rabs (x - term f k x) <= pow2 (m - prec f - 1)).
  { apply pass; try lia; [exact Wf|].
    apply Rle_trans with (1 := Hx), bpow_le; lia. }
  destruct H as [H1 H2].
  destruct (IH Ufs (next f k) (x - term f k x)) as [H3 H4].
  { apply Rle_trans with (1 := H2), bpow_le; unfold next; lia. }
  split; [now split|].
  apply Rle_trans with (1 := H4), bpow_le; unfold next; lia.
Qed.

(** The same with the bound spelled out: alpha = 2^k, divided by 2^(p+1) at every pass. *)
Lemma pow2_max a b : pow2 (Z.max a b) = Rmax (pow2 a) (pow2 b).
Proof.
  destruct (Z.max_spec a b) as [[L ->] | [L ->]]; symmetry.
  - apply Rmax_right, bpow_le; lia.
  - apply Rmax_left, bpow_le; lia.
Qed.

Lemma gained_repeated f n : pow2 (gained (repeat f n)) = pow2 (prec f + 1) ^ n.
Proof.
  induction n as [|n IH]; [reflexivity|].
  cbn [repeat gained]; rewrite bpow_plus, IH; simpl; ring.
Qed.

Theorem remainder_bound_repeated f u n k x :
  well_formed f -> (emin f - 128 <= u <= -127)%Z -> Rabs x <= pow2 k ->
  unsaturated (repeat f n) k x /\
  Rabs (remainder (repeat f n) k x) <= Rmax (pow2 k / pow2 (prec f + 1) ^ n) (pow2 u).
Proof.
  intros W U Hx.
  replace (pow2 k / pow2 (prec f + 1) ^ n) with (pow2 (k - gained (repeat f n))).
  { rewrite <- pow2_max; apply remainder_bound.
    - now apply Forall_repeated.
    - split; [lia | apply Forall_repeated; lia].
    - apply Rle_trans with (1 := Hx), bpow_le; lia. }
  unfold Z.sub; rewrite bpow_plus, bpow_opp, gained_repeated; reflexivity.
Qed.

(** The remainder of a binary32 number is a binary32 number: nothing is lost in carrying it on. *)
Theorem remainder_binary32 fs u k x :
  Forall well_formed fs -> underflow fs u -> Rabs x <= pow2 (Z.max k u) ->
  is_binary32 x -> is_binary32 (remainder fs k x).
Proof.
  intros W U Hx; destruct (remainder_bound fs u k x W U Hx) as [S _]; clear U Hx.
  revert k x S; induction W as [|f fs Wf W IH]; intros k x S Fx; [exact Fx|].
  destruct S as [S1 S]; apply IH; [exact S|].
  unfold term; rewrite saturate_id by exact S1; unfold digit, binary, scale.
  destruct Wf as [P [E _]].
  rewrite scaling by lia; apply remainder_exact; try lia; exact Fx.
Qed.

(** * Small entries of a block: a float element serves them better *)

(** 2^(reach fs k m) bounds what is left of |x| <= 2^m in a block covered by 2^k. *)
Fixpoint reach (fs : list element) (k m : Z) : Z :=
  match fs with
  | [] => m
  | f :: fs =>
      let spaced := Z.max m (k - emax f + emin f + prec f) in
      reach fs (next f k) (Z.min m (spaced - prec f - 1))
  end.

(** Rounding to nearest moves no number further than 0 is. *)
Lemma pass_shrinks f k x :
  well_formed f -> Rabs (digit f k x) <= max_finite f -> Rabs (x - term f k x) <= Rabs x.
Proof.
  intros [[P _] _] D; assert (P' : Prec_gt_0 (prec f)) by exact P.
  unfold term; rewrite saturate_id by exact D; unfold digit, binary, scale.
  rewrite scaling, Rabs_minus_sym by lia.
  destruct (round_N_pt radix2 (FLT_exp (emin f + Z.max (-127) (k - emax f)) (prec f))
    (fun z => negb (Z.even z)) x) as [_ N].
  specialize (N 0 (generic_format_0 _ _)); now rewrite Rminus_0_l, Rabs_Ropp in N.
Qed.

Theorem remainder_reach fs u k m x :
  Forall well_formed fs -> underflow fs u -> (m <= k)%Z -> Rabs x <= pow2 (Z.max m u) ->
  Rabs (remainder fs k x) <= pow2 (Z.max (reach fs k m) u).
Proof.
  intros W [Hu U]; revert k m x; induction W as [|f fs Wf W IH]; intros k m x Hm Hx; [exact Hx|].
  inversion U as [|f' fs' Uf Ufs]; subst; cbn [remainder reach].
  assert (Wf' := Wf); destruct Wf' as [[P _] [[_ E] [Hmax _]]].
  set (m' := Z.max (Z.max m u) (Z.max (-127) (k - emax f) + emin f + prec f)).
  destruct (pass f k m' x) as [H1 H2]; try lia; [exact Wf | |].
  { apply Rle_trans with (1 := Hx), bpow_le; lia. }
  assert (H3 := Rle_trans _ _ _ (pass_shrinks f k x Wf H1) Hx).
  apply IH; [exact Ufs | unfold next; lia |].
  destruct (Z.le_gt_cases (m' - prec f - 1) (Z.max m u)) as [L | L].
  - destruct (Z.le_gt_cases (m' - prec f - 1) u) as [L' | L'].
    + apply Rle_trans with (1 := H2), bpow_le; lia.
    + destruct (Z.le_gt_cases m u) as [L'' | L''].
      * apply Rle_trans with (1 := H3), bpow_le; lia.
      * apply Rle_trans with (1 := H2), bpow_le; unfold m' in *; lia.
  - apply Rle_trans with (1 := H3), bpow_le; unfold m' in *; lia.
Qed.

(** * Integer digits: digits up to Q, scale M/Q, next range M/(2Q) *)

Fixpoint integer_remainder (qs : list Z) (M x : R) : R :=
  match qs with
  | [] => x
  | q :: qs => integer_remainder qs (M / IZR (2 * q)) (x - M / IZR q * integer (x / (M / IZR q)))
  end.

Fixpoint digits_within (qs : list Z) (M x : R) : Prop :=
  match qs with
  | [] => True
  | q :: qs => Rabs (integer (x / (M / IZR q))) <= IZR q /\
      digits_within qs (M / IZR (2 * q)) (x - M / IZR q * integer (x / (M / IZR q)))
  end.

Fixpoint levels (qs : list Z) : R :=
  match qs with
  | [] => 1
  | q :: qs => IZR (2 * q) * levels qs
  end.

Lemma integer_error x : Rabs (integer x - x) <= / 2.
Proof.
  rewrite integer_IZR, Rabs_minus_sym; apply Znearest_half.
Qed.

Lemma integer_bound x q : Rabs x <= IZR q -> Rabs (integer x) <= IZR q.
Proof.
  intros H; apply abs_round_le_generic; auto with typeclass_instances.
  apply generic_format_FIX; exists (Float radix2 q 0); [unfold F2R; simpl; lra | reflexivity].
Qed.

Theorem integer_remainder_bound qs M x :
  Forall (fun q => (0 < q)%Z) qs -> 0 < M -> Rabs x <= M ->
  digits_within qs M x /\ Rabs (integer_remainder qs M x) <= M / levels qs.
Proof.
  intros Q; revert M x; induction Q as [|q qs Hq Q IH]; intros M x HM Hx;
    cbn [digits_within integer_remainder levels].
  { split; [exact I | lra]. }
  assert (Hq' : 0 < IZR q) by now apply IZR_lt.
  assert (Hs : 0 < M / IZR q) by now apply Rdiv_lt_0_compat.
  assert (D : Rabs (integer (x / (M / IZR q))) <= IZR q).
  { apply integer_bound; unfold Rdiv at 1; rewrite Rabs_mult, Rabs_inv, (Rabs_pos_eq (M / IZR q)) by lra.
    apply Rmult_le_reg_r with (M / IZR q); [exact Hs|].
    rewrite Rmult_assoc, Rinv_l, Rmult_1_r by lra.
    replace (IZR q * (M / IZR q)) with M by (field; lra); exact Hx. }
  rewrite mult_IZR.
  destruct (IH (M / (2 * IZR q)) (x - M / IZR q * integer (x / (M / IZR q)))) as [H1 H2].
  { apply Rdiv_lt_0_compat; lra. }
  { replace (x - _) with (- (M / IZR q) * (integer (x / (M / IZR q)) - x / (M / IZR q)))
      by (field; lra).
    rewrite Rabs_mult, Rabs_Ropp, (Rabs_pos_eq (M / IZR q)) by lra.
    apply Rle_trans with (M / IZR q * / 2); [|right; field; lra].
    apply Rmult_le_compat_l; [lra | apply integer_error]. }
  repeat split; [exact D | exact H1 |].
  apply Rle_trans with (1 := H2); right.
  assert (L : levels qs <> 0).
  { apply Rgt_not_eq; clear -Q; induction Q as [|q qs Hq Q IH]; cbn [levels]; [lra|].
    apply Rmult_lt_0_compat; [apply IZR_lt; lia | exact IH]. }
  field; split; lra.
Qed.
