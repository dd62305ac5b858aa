(** Instances of what any decomposition leaves (Remainder.v): the formats of the paper, and others. *)

From Msdnum Require Export Remainder.
Open Scope R_scope.

(** * Formats *)

Definition e2m1 := Format (-1) 2 3 1.
Definition e4m3 := Format (-9) 4 7 6.
Definition e5m2 := Format (-16) 3 7 13.
Definition int8 := Format 0 7 127 0.
Definition int4 := Format 0 3 7 0.
Definition mxint8 := Format (-6) 7 127 (-6).

(** ** Theorem mixed-decomposition, of which mxfp4- and mxfp8-decomposition are instances *)

Lemma element_error_le f t m :
  valid f = true -> (lowest f < m)%Z -> pow2 m <= largest f -> 0 < t <= pow2 m ->
  element_error f t <= pow2 (m - precision f - 1).
Proof.
  intros V M L T; unfold element_error; rewrite Rmin_left by lra; apply Rmax_lub.
  { assert (P := bpow_ge_0 radix2 (m - precision f - 1)); lra. }
  apply Rle_trans with (1 := Rmin_l _ _), bpow_le.
  assert (B := lt_bpow _ _ _ (Rlt_le_trans _ _ _ (ceil_log2_gt t (proj1 T)) (proj2 T))).
  unfold binade; lia.
Qed.

(** The formats of Decomposition.v and those of this file. *)
Definition same (g : element) (f : format) : Prop :=
  Decomposition.emin g = eta f /\ prec g = precision f /\ max_finite g = largest f /\ valid f = true.

Fixpoint covering_terms (gs : list element) (fs : list format) (k : Z) : list (format * R) :=
  match gs, fs with
  | g :: gs, f :: fs => (f, scale g k) :: covering_terms gs fs (next g k)
  | _, _ => []
  end.

Lemma covering_leaves gs fs k x :
  Forall2 same gs fs -> leaves (covering_terms gs fs k) x (remainder gs k x).
Proof.
  intros S; revert k x; induction S as [|g f gs fs (E & P & M & V) S IH]; intros k x; [constructor|].
  cbn [covering_terms remainder]; unfold term; apply leaves_term with (2 := IH _ _).
  unfold digit, binary; rewrite E, P, M; apply cast_nearest; [exact V | apply Rle_refl].
Qed.

Lemma covering_bound gs fs u k a :
  Forall2 same gs fs -> Forall well_formed gs -> underflow gs u -> 0 < a <= pow2 (Z.max k u) ->
  bound (covering_terms gs fs k) a <= pow2 (Z.max (k - gained gs) u).
Proof.
  intros S W [Hu U]; revert k a W U; induction S as [|g f gs fs (E & P & M & V) S IH].
  { intros k a _ _ [_ A]; simpl; now rewrite Z.sub_0_r. }
  intros k a W U [A B]; inversion W as [|g' gs' Wg Ws]; inversion U as [|h hs Ug Us]; subst.
  cbn [covering_terms bound gained]; destruct Wg as [[P0 _] [[_ E0] [H0 L0]]].
  assert (Sc := scale_pos g k); assert (T : 0 < a / scale g k) by now apply Rdiv_lt_0_compat.
  apply Rle_trans with (pow2 (Z.max (next g k - gained gs) u)); [|apply bpow_le; unfold next; lia].
  apply IH; try assumption; split; [now apply Rmult_lt_0_compat; [|apply element_error_pos]|].
  set (e := Z.max (-127) (k - Decomposition.emax g)) in *.
  set (m := Z.max (Z.max k u) (e + Decomposition.emin g + prec g)).
  apply Rle_trans with (pow2 e * pow2 (m - e - prec g - 1)).
  - apply Rmult_le_compat_l; [apply bpow_ge_0|]; rewrite P; apply element_error_le; [exact V | | |].
    + unfold lowest; rewrite <- E, <- P; lia.
    + rewrite <- M; apply Rle_trans with (2 := L0), bpow_le; lia.
    + split; [exact T|]; unfold Z.sub; rewrite bpow_plus, bpow_opp; change (scale g k) with (pow2 e).
      apply Rmult_le_compat_r; [left; apply Rinv_0_lt_compat, bpow_gt_0|].
      apply Rle_trans with (1 := B), bpow_le; lia.
  - rewrite <- bpow_plus; apply bpow_le; unfold next; lia.
Qed.

Theorem mixed_decomposition gs fs u k x :
  Forall2 same gs fs -> Forall well_formed gs -> underflow gs u -> Rabs x <= pow2 (Z.max k u) ->
  Rabs (remainder gs k x) <= pow2 (Z.max (k - gained gs) u).
Proof.
  intros S W U X; apply Rle_trans with (2 := covering_bound gs fs u k (pow2 (Z.max k u)) S W U
    (conj (bpow_gt_0 _ _) (Rle_refl _))).
  apply leaves_bound with x; [| exact X | now apply covering_leaves].
  clear -S; revert k; induction S as [|g f gs fs (_ & _ & _ & V) S IH]; intros k; constructor.
  - split; [exact V | apply scale_pos].
  - apply IH.
Qed.

Corollary repeated_terms g f u n k x :
  same g f -> well_formed g -> (Decomposition.emin g - 128 <= u <= -127)%Z -> Rabs x <= pow2 k ->
  Rabs (remainder (repeat g n) k x) <= Rmax (pow2 k / pow2 (prec g + 1) ^ n) (pow2 u).
Proof.
  intros S W U X; replace (pow2 k / pow2 (prec g + 1) ^ n) with (pow2 (k - gained (repeat g n))).
  { rewrite <- pow2_max; apply mixed_decomposition with (repeat f n).
    - induction n; constructor; assumption.
    - now apply Forall_repeated.
    - split; [lia | apply Forall_repeated; lia].
    - apply Rle_trans with (1 := X), bpow_le; lia. }
  unfold Z.sub; rewrite bpow_plus, bpow_opp, gained_repeated; reflexivity.
Qed.

Theorem mxfp4_decomposition n k x :
  Rabs x <= pow2 k ->
  Rabs (remainder (repeat Decomposition.e2m1 n) k x) <= Rmax (pow2 k / 8 ^ n) (pow2 (-129)).
Proof.
  apply (repeated_terms Decomposition.e2m1 e2m1 (-129)); [| exact e2m1_well_formed | simpl; lia].
  repeat split; simpl; unfold largest; simpl; lra.
Qed.

Theorem mxfp8_decomposition n k x :
  Rabs x <= pow2 k ->
  Rabs (remainder (repeat Decomposition.e4m3 n) k x) <= Rmax (pow2 k / 32 ^ n) (pow2 (-137)) /\
  Rabs (remainder (repeat Decomposition.e5m2 n) k x) <= Rmax (pow2 k / 16 ^ n) (pow2 (-144)).
Proof.
  split.
  - apply (repeated_terms Decomposition.e4m3 e4m3 (-137)); [| | simpl; lia | assumption].
    2: exact e4m3_well_formed.
    repeat split; simpl; unfold largest; simpl; lra.
  - apply (repeated_terms Decomposition.e5m2 e5m2 (-144)); [| | simpl; lia | assumption].
    2: exact e5m2_well_formed.
    repeat split; simpl; unfold largest; simpl; lra.
Qed.

(** Integers up to Q, scales M/Q, the next M half a scale: int8-decomposition is an instance. *)
Definition fixed_point (q : Z) : format := Format 0 (Z.log2 q + 1) q 0.

Fixpoint integer_terms (qs : list Z) (M : R) : list (format * R) :=
  match qs with
  | [] => []
  | q :: qs => (fixed_point q, M / IZR q) :: integer_terms qs (M / IZR (2 * q))
  end.

Lemma fixed_point_valid q : (0 < q)%Z -> valid (fixed_point q) = true.
Proof.
  intros Q; unfold valid; simpl; rewrite !andb_true_iff, !Z.ltb_lt.
  now assert (L := Z.log2_spec q Q).
Qed.

Lemma fixed_point_error q t :
  (0 < q)%Z -> 0 < t <= IZR q -> element_error (fixed_point q) t <= / 2.
Proof.
  intros Q T; destruct (Z.log2_spec q Q) as [_ L].
  assert (M : largest (fixed_point q) = IZR q) by apply Rmult_1_r.
  unfold element_error; rewrite M, Rmin_left by lra; apply Rmax_lub; [lra|].
  apply Rle_trans with (1 := Rmin_l _ _); change (/ 2) with (pow2 (-1)); apply bpow_le.
  assert (B : pow2 (ceil_log2 t - 1) < pow2 (Z.log2 q + 1)).
  { apply Rlt_trans with (1 := ceil_log2_gt t (proj1 T)), Rle_lt_trans with (1 := proj2 T).
    rewrite <- (IZR_Zpower radix2) by (assert (N := Z.log2_nonneg q); lia); now apply IZR_lt. }
  apply lt_bpow in B; unfold binade, lowest; simpl; lia.
Qed.

Lemma integer_terms_leave qs M x :
  Forall (fun q => (0 < q)%Z) qs -> leaves (integer_terms qs M) x (integer_remainder qs M x).
Proof.
  intros P; revert M x; induction P as [|q qs Q P IH]; intros M x; [constructor|].
  apply leaves_term with (2 := IH _ _); intros z [F _].
  rewrite <- (Rabs_Ropp (_ - integer _)), <- (Rabs_Ropp (_ - z)), !Ropp_minus_distr.
  apply (round_N_pt radix2 (FIX_exp 0) (fun n => negb (Z.even n))).
  now apply generic_format_FIX_FLT in F.
Qed.

Lemma integer_terms_bound qs M a :
  Forall (fun q => (0 < q)%Z) qs -> 0 < a <= M ->
  Forall sound (integer_terms qs M) /\ bound (integer_terms qs M) a <= M / levels qs.
Proof.
  intros P; revert M a; induction P as [|q qs Q P IH]; intros M a A.
  { split; [constructor | simpl; lra]. }
  assert (Q' : 0 < IZR q) by now apply IZR_lt.
  assert (S : 0 < M / IZR q) by (apply Rdiv_lt_0_compat; lra).
  assert (V := fixed_point_valid q Q).
  assert (T : 0 < a / (M / IZR q)) by (apply Rdiv_lt_0_compat; lra).
  cbn [integer_terms bound levels]; rewrite mult_IZR.
  destruct (IH (M / (2 * IZR q)) (M / IZR q * element_error (fixed_point q) (a / (M / IZR q))))
    as [H1 H2].
  { split; [now apply Rmult_lt_0_compat; [|apply element_error_pos]|].
    replace (M / (2 * IZR q)) with (M / IZR q * / 2) by (field; lra).
    apply Rmult_le_compat_l; [lra|]; apply fixed_point_error; [exact Q | split; [exact T|]].
    apply Rmult_le_reg_r with (M / IZR q); [exact S|].
    replace (a / (M / IZR q) * (M / IZR q)) with a by (field; split; lra).
    replace (IZR q * (M / IZR q)) with M by (field; lra); lra. }
  split; [now constructor|]; apply Rle_trans with (1 := H2); right.
  assert (L : 0 < levels qs).
  { clear -P; induction P as [|q qs Q P IH]; cbn [levels]; [lra|].
    apply Rmult_lt_0_compat; [apply IZR_lt; lia | exact IH]. }
  field; split; lra.
Qed.

Theorem integer_decomposition qs M x :
  Forall (fun q => (0 < q)%Z) qs -> 0 < M -> Rabs x <= M ->
  Rabs (integer_remainder qs M x) <= M / levels qs.
Proof.
  intros P A X; destruct (integer_terms_bound qs M M P ltac:(lra)) as [S B].
  apply Rle_trans with (2 := B), leaves_bound with x; [exact S | exact X|].
  now apply integer_terms_leave.
Qed.

(** The same as a number, in units of amax, and with any nearest integers. *)
Theorem int8_decomposition amax x y :
  0 < amax -> Rabs x <= amax * 1 -> leaves (in_units amax [(int8, 1 # 127); (int8, 1 # 32258)]) x y ->
  Rabs y <= amax * (1 / 64516).
Proof.
  replace 1 with (Q2R 1) at 1 by (unfold Q2R; simpl; lra).
  apply (remainder_bound [(int8, 1 # 127); (int8, 1 # 32258)] 1 (1 # 64516)); certify.
Qed.

(** ** Theorem mxfp4-scale-rules: two terms, s2 = s1/8 or each by the rule, for every alpha *)

Definition mxfp4_twice := [(e2m1, 0); (e2m1, 3)]%Z.

Theorem mxfp4_covering k amax e x y :
  (-149 <= k <= 128)%Z -> pow2 (k - 1) < amax <= pow2 k -> ruled (covering e2m1) amax e ->
  Rabs x <= amax -> leaves (by_ratios e mxfp4_twice) x y ->
  Rabs y <= Rmax (1 / 64 * pow2 k) (pow2 (-129)).
Proof.
  apply (ratios_remainder (covering e2m1) mxfp4_twice (-149) 128 (1 # 64) (-129)); certify.
Qed.

Theorem mxfp4_floor k amax e x y :
  (-149 <= k <= 128)%Z -> pow2 (k - 1) < amax <= pow2 k -> ruled (floor e2m1) amax e ->
  Rabs x <= amax -> leaves (by_ratios e mxfp4_twice) x y ->
  Rabs y <= Rmax (5 / 32 * pow2 k) (pow2 (-129)).
Proof.
  apply (ratios_remainder (floor e2m1) mxfp4_twice (-149) 128 (5 # 32) (-129)); certify.
Qed.

Theorem mxfp4_rceil k amax e x y :
  (-149 <= k <= 128)%Z -> pow2 (k - 1) < amax <= pow2 k -> ruled (rceil e2m1) amax e ->
  Rabs x <= amax -> leaves (by_ratios e mxfp4_twice) x y ->
  Rabs y <= Rmax (1 / 32 * pow2 k) (pow2 (-129)).
Proof.
  apply (ratios_remainder (rceil e2m1) mxfp4_twice (-149) 128 (1 # 32) (-129)); certify.
Qed.

Theorem mxfp4_even k amax e x y :
  (-149 <= k <= 128)%Z -> pow2 (k - 1) < amax <= pow2 k -> ruled (even e2m1) amax e ->
  Rabs x <= amax -> leaves (by_ratios e mxfp4_twice) x y ->
  Rabs y <= Rmax (1 / 32 * pow2 k) (pow2 (-129)).
Proof.
  apply (ratios_remainder (even e2m1) mxfp4_twice (-149) 128 (1 # 32) (-129)); certify.
Qed.

Definition own_twice (r : format -> rule) := [(e2m1, r e2m1); (e2m1, r e2m1)].

Theorem mxfp4_own r c :
  In (r, c) [(covering, 1 # 64); (rceil, 1 # 64); (even, 1 # 64); (floor, 1 # 16)]%Q ->
  forall k block left, (-149 <= k <= 128)%Z -> Forall (fun x => Rabs x <= pow2 k) block ->
  leaves_own (own_twice r) block left ->
  Forall (fun y => Rabs y <= Rmax (Q2R c * pow2 k) (pow2 (-129))) left.
Proof.
  intros I; apply own_remainder; simpl in I.
  repeat (destruct I as [I | I]; [injection I as <- <-; certify|]); contradiction.
Qed.

(** The largest E8M0 scale, 2^127, is half of what this format would need to cover 2^128. *)
Definition e1m1_fn := Format (-1) 2 1 0.

Theorem largest_scale amax e x y :
  pow2 127 < amax <= pow2 128 -> ruled (covering e1m1_fn) amax e ->
  Rabs x <= amax -> leaves (by_ratios e [(e1m1_fn, 0%Z)]) x y ->
  Rabs y <= Rmax (1 / 2 * pow2 128) (pow2 (-127)).
Proof.
  refine (ratios_remainder (covering e1m1_fn) [(e1m1_fn, 0%Z)] 128 128 (1 # 2) (-127) _ 128 _ _ _ _ _).
  - certify.
  - lia.
Qed.

(** * A scheme that nobody has proved: what a generated file says, and all that it proves

    E2M1 twice, the second scale a 32nd of the first: it saturates. *)

Definition odd_scheme := [(e2m1, 0); (e2m1, 5)]%Z.

Theorem odd_scheme_remainder k amax e x y :
  (-149 <= k <= 128)%Z -> pow2 (k - 1) < amax <= pow2 k -> ruled (covering e2m1) amax e ->
  Rabs x <= amax -> leaves (by_ratios e odd_scheme) x y ->
  Rabs y <= Rmax (5 / 64 * pow2 k) (pow2 (-129)).
Proof.
  apply (ratios_remainder (covering e2m1) odd_scheme (-149) 128 (5 # 64) (-129)); certify.
Qed.

(** In units of alpha and away from the clamp; some real x of the block leaves that much. *)
Theorem odd_scheme_attained alpha :
  0 < alpha -> exists x, Rabs x <= alpha * 1 /\
    Rabs (remainder_of to_even (in_units alpha [(e2m1, 1 # 4); (e2m1, 1 # 128)]) x) = alpha * (5 / 64).
Proof.
  replace 1 with (Q2R 1) by (unfold Q2R; simpl; lra).
  apply (remainder_attained [(e2m1, 1 # 4); (e2m1, 1 # 128)] 1 (5 # 64)); certify.
Qed.

(** Ratio 2: the second term wastes two bits, alpha/32 for alpha/64. *)
Theorem ratio_two_remainder k amax e x y :
  (-149 <= k <= 128)%Z -> pow2 (k - 1) < amax <= pow2 k -> ruled (covering e2m1) amax e ->
  Rabs x <= amax -> leaves (by_ratios e [(e2m1, 0); (e2m1, 1)]%Z) x y ->
  Rabs y <= Rmax (1 / 32 * pow2 k) (pow2 (-129)).
Proof.
  apply (ratios_remainder (covering e2m1) [(e2m1, 0); (e2m1, 1)]%Z (-149) 128 (1 # 32) (-129)); certify.
Qed.
