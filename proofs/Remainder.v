(** What any decomposition leaves: any formats, any scales, saturation, any choice among nearest. *)

From Coq Require Export QArith.
From Coq Require Import Qreals Qround Qminmax.
From Msdnum Require Export Decomposition.
Open Scope R_scope.

(** * Element formats: integers in fixed point among them *)

(** The numbers are n * 2^e with |n| < 2^precision and e >= eta, up to mantissa * 2^exponent. *)
Record format := Format { eta : Z; precision : Z; mantissa : Z; exponent : Z }.

Definition valid (f : format) : bool :=
  ((0 <? mantissa f) && (mantissa f <? 2 ^ precision f) && (eta f <=? exponent f))%Z%bool.
Definition largest (f : format) : R := IZR (mantissa f) * pow2 (exponent f).
Definition number (f : format) (x : R) : Prop :=
  generic_format radix2 (FLT_exp (eta f) (precision f)) x /\ Rabs x <= largest f.

(** No number of the format is nearer: any tie rule, saturation, and codes beyond [largest]. *)
Definition nearest (f : format) (x y : R) : Prop :=
  forall z, number f z -> Rabs (x - y) <= Rabs (x - z).

(** Terms s * y, each for what those before it left; [r] is what all of them leave of [x]. *)
Inductive leaves : list (format * R) -> R -> R -> Prop :=
| leaves_nothing x : leaves [] x x
| leaves_term f s fs x y r :
    nearest f (x / s) y -> leaves fs (x - s * y) r -> leaves ((f, s) :: fs) x r.

(** ** The largest error of one element whose magnitude is at most t *)

Definition lowest (f : format) : Z := (eta f + precision f - 1)%Z. (* smallest normal exponent *)
Definition ceil_log2 (x : R) : Z := (1 - mag radix2 (/ x))%Z.
Definition binade (f : format) (t : R) : Z := Z.max (lowest f) (ceil_log2 t - 1).

Definition rounding_error (f : format) (k : Z) (t : R) : R :=
  Rmin (pow2 (k - precision f))
    (if Z.eqb k (lowest f) then t else Rmax (t - pow2 k) (pow2 (k - precision f - 1))).

Definition element_error (f : format) (t : R) : R :=
  let c := Rmin t (largest f) in Rmax (t - largest f) (rounding_error f (binade f c) c).

Fixpoint bound (fs : list (format * R)) (a : R) : R :=
  match fs with
  | [] => a
  | (f, s) :: fs => bound fs (s * element_error f (a / s))
  end.

Definition sound (term : format * R) : Prop := valid (fst term) = true /\ 0 < snd term.

(** ** Formats *)

Lemma valid_spec f :
  valid f = true ->
  (0 < mantissa f < 2 ^ precision f)%Z /\ (eta f <= exponent f)%Z /\ (0 < precision f)%Z.
Proof.
  unfold valid; intros V; apply andb_prop in V; destruct V as [V E].
  apply andb_prop in V; destruct V as [M P].
  apply Z.ltb_lt in M, P; apply Z.leb_le in E; repeat split; try assumption.
  destruct (Z.le_gt_cases (precision f) 0) as [L | L]; [|exact L].
  destruct (Z.eq_dec (precision f) 0) as [Z0 | N]; [rewrite Z0 in P; simpl in P; lia|].
  rewrite Z.pow_neg_r in P; lia.
Qed.

Section Format.

Variable f : format.
Hypothesis V : valid f = true.
Notation p := (precision f).
Notation fexp := (FLT_exp (eta f) p).

Local Instance precision_pos : Prec_gt_0 p.
Proof. now apply valid_spec in V. Qed.

Lemma largest_pos : 0 < largest f.
Proof. apply Rmult_lt_0_compat; [apply IZR_lt; now apply valid_spec in V | apply bpow_gt_0]. Qed.

Lemma largest_format : generic_format radix2 fexp (largest f).
Proof.
  destruct (valid_spec f V) as [[M L] [E P]]; apply generic_format_FLT.
  exists (Float radix2 (mantissa f) (exponent f)); [reflexivity | simpl; lia | exact E].
Qed.

Lemma number_zero : number f 0.
Proof. split; [apply generic_format_0 | rewrite Rabs_R0; apply Rlt_le, largest_pos]. Qed.

Lemma number_largest : number f (largest f).
Proof. split; [apply largest_format | right; apply Rabs_pos_eq, Rlt_le, largest_pos]. Qed.

Lemma number_opp x : number f x -> number f (- x).
Proof. intros [F L]; split; [now apply generic_format_opp | now rewrite Rabs_Ropp]. Qed.

Lemma pow2_format k : (eta f <= k)%Z -> generic_format radix2 fexp (pow2 k).
Proof.
  intros H; assert (P := precision_pos : (0 < p)%Z).
  apply generic_format_bpow; unfold FLT_exp; lia.
Qed.

(** Ties by any rule, saturation at [largest] above and at [low] below (two's complement). *)
Definition cast (low : R) (choice : Z -> bool) (x : R) : R :=
  Rmax (- low) (Rmin (largest f) (round radix2 fexp (Znearest choice) x)).

Lemma saturated_nearest low x q :
  largest f <= low -> (forall z, generic_format radix2 fexp z -> Rabs (q - x) <= Rabs (z - x)) ->
  nearest f x (Rmax (- low) (Rmin (largest f) q)).
Proof.
  intros L N z [F Z]; apply Rabs_le_inv in Z.
  assert (Nz := N z F); assert (Nm := N (largest f) largest_format).
  assert (No := N (- largest f) (generic_format_opp _ _ _ largest_format)).
  revert Nz Nm No; clear N.
  unfold Rabs, Rmax, Rmin; repeat destruct Rle_dec; repeat destruct Rcase_abs; lra.
Qed.

Theorem cast_nearest low choice x : largest f <= low -> nearest f x (cast low choice x).
Proof.
  intros L; apply saturated_nearest; [exact L | exact (proj2 (round_N_pt radix2 fexp choice x))].
Qed.

(** Fixed point is such a format: integers times 2^eta, any precision that [largest] needs. *)
Theorem fixed_point_nearest low choice x :
  largest f <= low ->
  nearest f x (Rmax (- low) (Rmin (largest f) (round radix2 (FIX_exp (eta f)) (Znearest choice) x))).
Proof.
  intros L; apply saturated_nearest; [exact L|]; intros z F.
  apply (proj2 (round_N_pt radix2 (FIX_exp (eta f)) choice x)).
  now apply generic_format_FIX_FLT with p.
Qed.

(** ** No element errs by more *)

Lemma ceil_log2_le x : 0 < x -> x <= pow2 (ceil_log2 x).
Proof.
  intros X; assert (P : 0 < / x) by now apply Rinv_0_lt_compat.
  assert (B := bpow_mag_le radix2 (/ x) ltac:(lra)); rewrite Rabs_pos_eq in B by lra.
  apply Rinv_le_contravar in B; [|apply bpow_gt_0]; rewrite Rinv_inv, <- bpow_opp in B.
  unfold ceil_log2; now replace (1 - mag radix2 (/ x))%Z with (- (mag radix2 (/ x) - 1))%Z by ring.
Qed.

Lemma ceil_log2_gt x : 0 < x -> pow2 (ceil_log2 x - 1) < x.
Proof.
  intros X; assert (P : 0 < / x) by now apply Rinv_0_lt_compat.
  assert (B := bpow_mag_gt radix2 (/ x)); rewrite Rabs_pos_eq in B by lra.
  apply Rinv_lt_contravar in B; [|apply Rmult_lt_0_compat; [exact P | apply bpow_gt_0]].
  rewrite Rinv_inv, <- bpow_opp in B; unfold ceil_log2.
  now replace (1 - mag radix2 (/ x) - 1)%Z with (- mag radix2 (/ x))%Z by ring.
Qed.

Lemma ceil_log2_unique x k : pow2 (k - 1) < x <= pow2 k -> ceil_log2 x = k.
Proof.
  intros [L U]; assert (X : 0 < x) by (apply Rle_lt_trans with (2 := L), bpow_ge_0).
  assert (A := lt_bpow _ _ _ (Rlt_le_trans _ _ _ L (ceil_log2_le x X))).
  assert (B := lt_bpow _ _ _ (Rlt_le_trans _ _ _ (ceil_log2_gt x X) U)); lia.
Qed.

Lemma binade_le t : 0 <= t -> (lowest f <= binade f t)%Z /\ t <= pow2 (binade f t + 1).
Proof.
  intros [T | <-]; (split; [apply Z.le_max_l|]); [|apply bpow_ge_0].
  apply Rle_trans with (1 := ceil_log2_le t T), bpow_le; unfold binade; lia.
Qed.

Lemma rounding_error_bound k t x :
  (lowest f <= k)%Z -> t <= pow2 (k + 1) -> Rabs x <= t -> Rabs x <= largest f ->
  exists z, number f z /\ Rabs (x - z) <= rounding_error f k t.
Proof.
  intros K T X L; unfold lowest in K; assert (P := precision_pos : (0 < p)%Z).
  set (z := round radix2 fexp ZnearestE x); exists z; split.
  { split; [now apply generic_format_round; auto with typeclass_instances|].
    apply abs_round_le_generic; auto with typeclass_instances; apply largest_format. }
  assert (N : forall y, generic_format radix2 fexp y -> Rabs (x - z) <= Rabs (x - y)).
  { intros y Y; rewrite <- (Rabs_Ropp (x - z)), <- (Rabs_Ropp (x - y)), !Ropp_minus_distr.
    now apply (round_N_pt radix2 fexp (fun n => negb (Z.even n)) x). }
  assert (E : forall e, (eta f <= e - p)%Z -> Rabs x <= pow2 e -> Rabs (x - z) <= pow2 (e - p - 1)).
  { intros e H B; rewrite Rabs_minus_sym; now apply (nearest_error (eta f) p _ P). }
  apply Rmin_glb.
  - replace (k - p)%Z with (k + 1 - p - 1)%Z by ring; apply E; [lia | lra].
  - destruct (Z.eqb_spec k (lowest f)) as [Z | Z]; unfold lowest in Z.
    { apply Rle_trans with (2 := X); rewrite <- (Rminus_0_r x) at 2; apply N, generic_format_0. }
    destruct (Rle_or_lt (Rabs x) (pow2 k)) as [B | B].
    { apply Rle_trans with (2 := Rmax_r _ _); apply E; [lia | exact B]. }
    apply Rle_trans with (2 := Rmax_l _ _).
    assert (F := pow2_format k ltac:(lia)).
    unfold Rabs at 1 in B; unfold Rabs at 1 in X; destruct (Rcase_abs x).
    + apply Rle_trans with (1 := N _ (generic_format_opp _ _ _ F)); rewrite Rabs_left1; lra.
    + apply Rle_trans with (1 := N _ F); rewrite Rabs_pos_eq; lra.
Qed.

Theorem element_error_bound t x y :
  Rabs x <= t -> nearest f x y -> Rabs (x - y) <= element_error f t.
Proof.
  intros X N; unfold element_error; assert (M := largest_pos).
  destruct (Rle_or_lt (Rabs x) (largest f)) as [L | L].
  - apply Rle_trans with (2 := Rmax_r _ _); set (c := Rmin t (largest f)).
    assert (C : Rabs x <= c) by now apply Rmin_glb.
    destruct (binade_le c) as [K B]; [apply Rle_trans with (2 := C), Rabs_pos|].
    destruct (rounding_error_bound (binade f c) c x K B C L) as (z & Z & H).
    apply Rle_trans with (2 := H), N, Z.
  - apply Rle_trans with (2 := Rmax_l _ _); unfold Rabs in L, X; destruct (Rcase_abs x).
    + apply Rle_trans with (1 := N _ (number_opp _ number_largest)); rewrite Rabs_left1; lra.
    + apply Rle_trans with (1 := N _ number_largest); rewrite Rabs_pos_eq; lra.
Qed.

(** ** Each error up to that is some element's *)

Lemma above_pow2 k z :
  (lowest f <= k)%Z -> generic_format radix2 fexp z -> pow2 k < z ->
  pow2 k + 2 * pow2 (k - p) <= z.
Proof.
  intros K F L; unfold lowest in K; assert (P := precision_pos : (0 < p)%Z).
  assert (S := succ_le_lt _ _ _ _ (pow2_format k ltac:(lia)) F L).
  rewrite succ_eq_pos, ulp_bpow in S by apply bpow_ge_0; unfold FLT_exp in S.
  replace (Z.max (k + 1 - p) (eta f)) with (1 + (k - p))%Z in S by lia.
  rewrite bpow_plus in S; simpl in S; lra.
Qed.

Lemma below_pow2 k z :
  (lowest f < k)%Z -> generic_format radix2 fexp z -> z < pow2 k -> z <= pow2 k - pow2 (k - p).
Proof.
  intros K F L; unfold lowest in K; assert (P := precision_pos : (0 < p)%Z).
  assert (S := pred_ge_gt _ _ _ _ F (pow2_format k ltac:(lia)) L).
  rewrite pred_bpow in S; unfold FLT_exp in S.
  now replace (Z.max (k - p) (eta f)) with (k - p)%Z in S by lia.
Qed.

Lemma above_zero z : generic_format radix2 fexp z -> 0 < z -> pow2 (eta f) <= z.
Proof.
  intros F Z; assert (S := succ_le_lt _ _ _ _ (generic_format_0 _ _) F Z).
  rewrite succ_eq_pos, ulp_FLT_0, Rplus_0_l in S by (auto with typeclass_instances; lra); exact S.
Qed.

(** The error [e] is that of x, with y a nearest number. *)
Definition errs (e x y : R) : Prop := number f y /\ Rabs (x - y) = e /\ nearest f x y.

Lemma number_pow2 k : (lowest f <= k)%Z -> pow2 k <= largest f -> number f (pow2 k).
Proof.
  intros K L; assert (P := precision_pos : (0 < p)%Z); unfold lowest in K.
  split; [apply pow2_format; lia | now rewrite Rabs_pos_eq by apply bpow_ge_0].
Qed.

Lemma errs_largest e : 0 <= e -> errs e (largest f + e) (largest f).
Proof.
  intros E; unfold errs, nearest; replace (_ - _) with e by ring.
  split; [apply number_largest | split; [now apply Rabs_pos_eq|]].
  intros z [_ Z]; apply Rabs_le_inv in Z.
  rewrite !Rabs_pos_eq; lra.
Qed.

Lemma errs_zero e : 0 <= e <= pow2 (eta f) / 2 -> errs e e 0.
Proof.
  intros E; unfold errs, nearest; rewrite Rminus_0_r, Rabs_pos_eq by lra.
  split; [apply number_zero | split; [reflexivity|]]; intros z [F _].
  destruct (Rtotal_order z 0) as [Z | [-> | Z]]; [| rewrite Rminus_0_r, Rabs_pos_eq; lra |].
  - rewrite Rabs_pos_eq; lra.
  - apply above_zero in F; [|exact Z]; rewrite Rabs_left1; lra.
Qed.

Lemma errs_above k e :
  (lowest f <= k)%Z -> pow2 k <= largest f -> 0 <= e <= pow2 (k - p) ->
  errs e (pow2 k + e) (pow2 k).
Proof.
  intros K M E; unfold errs, nearest; replace (_ - _) with e by ring.
  split; [now apply number_pow2 | split; [apply Rabs_pos_eq; lra|]]; intros z [F _].
  rewrite (Rabs_pos_eq e) by lra.
  destruct (Rle_or_lt z (pow2 k)) as [Z | Z].
  - rewrite Rabs_pos_eq; lra.
  - assert (A := above_pow2 k z K F Z); rewrite Rabs_left1; lra.
Qed.

Lemma errs_below k e :
  (lowest f < k)%Z -> pow2 k <= largest f -> 0 <= e <= pow2 (k - p) / 2 ->
  errs e (pow2 k - e) (pow2 k).
Proof.
  intros K M E; unfold errs, nearest; replace (pow2 k - e - pow2 k) with (- e) by ring.
  rewrite Rabs_Ropp, (Rabs_pos_eq e) by lra.
  split; [apply number_pow2; [lia | exact M] | split; [reflexivity|]]; intros z [F _].
  destruct (Rle_or_lt (pow2 k) z) as [Z | Z].
  - rewrite Rabs_left1; lra.
  - assert (A := below_pow2 k z K F Z); rewrite Rabs_pos_eq; lra.
Qed.

Theorem element_error_attained t e :
  0 < t -> 0 <= e <= element_error f t -> exists x y, Rabs x <= t /\ errs e x y.
Proof.
  intros T [E0 E]; unfold element_error in E; assert (M := largest_pos).
  set (c := Rmin t (largest f)) in *; assert (P := precision_pos : (0 < p)%Z).
  assert (C : 0 < c <= t) by (split; [now apply Rmin_glb_lt | apply Rmin_l]).
  destruct (Rle_or_lt e (t - largest f)) as [L | L].
  { exists (largest f + e), (largest f); split; [|now apply errs_largest]; rewrite Rabs_pos_eq; lra. }
  assert (H : e <= rounding_error f (binade f c) c) by (revert E; unfold Rmax; destruct Rle_dec; lra).
  set (k := binade f c) in *; destruct (binade_le c (Rlt_le _ _ (proj1 C))) as [K _]; fold k in K.
  assert (H1 := Rle_trans _ _ _ H (Rmin_l _ _)); assert (H2 := Rle_trans _ _ _ H (Rmin_r _ _)).
  destruct (Z.eqb_spec k (lowest f)) as [Z | Z].
  { exists e, 0; split; [rewrite Rabs_pos_eq; lra | apply errs_zero; split; [exact E0|]].
    apply Rle_trans with (1 := H1); right; rewrite Z; unfold lowest.
    replace (eta f + p - 1 - p)%Z with (eta f + - (1))%Z by ring; rewrite bpow_plus; simpl; lra. }
  assert (B : pow2 k < c).
  { apply Rle_lt_trans with (2 := ceil_log2_gt c (proj1 C)), bpow_le; unfold k, binade in *; lia. }
  assert (Q : pow2 k <= largest f) by (assert (N := Rmin_r t (largest f)); fold c in N; lra).
  assert (O := bpow_gt_0 radix2 k); destruct (Rle_or_lt e (c - pow2 k)) as [U | U].
  - exists (pow2 k + e), (pow2 k); split; [|apply errs_above; [exact K | exact Q | now split]].
    rewrite Rabs_pos_eq; lra.
  - assert (W : e <= pow2 (k - p) / 2).
    { replace (pow2 (k - p) / 2) with (pow2 (k - p - 1)).
      - revert H2; unfold Rmax; destruct Rle_dec; lra.
      - unfold Z.sub at 1; rewrite bpow_plus; simpl; lra. }
    exists (pow2 k - e), (pow2 k); split; [|apply errs_below; [lia | exact Q | now split]].
    assert (R : pow2 (k - p) <= pow2 k) by (apply bpow_le; lia).
    rewrite Rabs_pos_eq; lra.
Qed.

End Format.

(** * Any number of terms *)

Lemma over_scale s x a : 0 < s -> Rabs x <= a -> Rabs (x / s) <= a / s.
Proof.
  intros S X; unfold Rdiv; rewrite Rabs_mult, Rabs_inv, (Rabs_pos_eq s) by lra.
  apply Rmult_le_compat_r; [left; now apply Rinv_0_lt_compat | exact X].
Qed.

Lemma times_scale s x y : 0 < s -> Rabs (x - s * y) = s * Rabs (x / s - y).
Proof.
  intros S; rewrite <- (Rabs_pos_eq s) at 2 by lra; rewrite <- Rabs_mult; f_equal; field; lra.
Qed.

Theorem term_error f s x y a :
  valid f = true -> 0 < s -> Rabs x <= a -> nearest f (x / s) y ->
  Rabs (x - s * y) <= s * element_error f (a / s).
Proof.
  intros V S X N; rewrite times_scale by exact S; apply Rmult_le_compat_l; [lra|].
  apply element_error_bound; [exact V | now apply over_scale | exact N].
Qed.

Theorem leaves_bound fs x r a :
  Forall sound fs -> Rabs x <= a -> leaves fs x r -> Rabs r <= bound fs a.
Proof.
  intros V X L; revert a X V; induction L as [x | f s fs x y r N L IH]; intros a X V; [exact X|].
  inversion V as [|t ts [Vf S] Vs]; subst; cbn [bound]; apply IH; [|exact Vs].
  now apply term_error.
Qed.

(** ** The bound is attained, ties to even *)

(** Every cast that picks a nearest number. *)
Fixpoint remainder_of (cast : format -> R -> R) (fs : list (format * R)) (x : R) : R :=
  match fs with
  | [] => x
  | (f, s) :: fs => remainder_of cast fs (x - s * cast f (x / s))
  end.

Lemma remainder_of_leaves cast fs x :
  (forall f y, valid f = true -> nearest f y (cast f y)) ->
  Forall sound fs -> leaves fs x (remainder_of cast fs x).
Proof.
  intros N V; revert x; induction V as [|[f s] fs [Vf _] V IH]; intros x; [constructor|].
  apply leaves_term with (cast f (x / s)); [now apply N | apply IH].
Qed.

Definition to_even (f : format) : R -> R := cast f (largest f) (fun z => negb (Z.even z)).

Lemma to_even_nearest f x : valid f = true -> nearest f x (to_even f x).
Proof. intros V; apply cast_nearest; [exact V | right; reflexivity]. Qed.

Lemma to_even_number f x : valid f = true -> number f (to_even f x).
Proof.
  intros V; assert (P := precision_pos f V); assert (M := largest_pos f V); split.
  - unfold to_even, cast, Rmax; destruct Rle_dec;
      [unfold Rmin; destruct Rle_dec | apply generic_format_opp]; try now apply largest_format.
    apply generic_format_round; auto with typeclass_instances.
  - unfold to_even, cast, Rmax, Rmin; repeat destruct Rle_dec; apply Rabs_le; lra.
Qed.

Lemma to_even_opp f x : valid f = true -> to_even f (- x) = - to_even f x.
Proof.
  intros V; assert (P := precision_pos f V); assert (M := largest_pos f V).
  unfold to_even, cast.
  change (round radix2 _ (Znearest _)) with (round radix2 (FLT_exp (eta f) (precision f)) ZnearestE).
  rewrite round_NE_opp; set (q := round _ _ _ x); clearbody q.
  unfold Rmax, Rmin; repeat destruct Rle_dec; lra.
Qed.

Lemma element_error_pos f t : valid f = true -> 0 < t -> 0 < element_error f t.
Proof.
  intros V T; assert (M := largest_pos f V); unfold element_error, rounding_error.
  set (c := Rmin t (largest f)); assert (C : 0 < c) by now apply Rmin_glb_lt.
  apply Rlt_le_trans with (2 := Rmax_r _ _); apply Rmin_glb_lt; [apply bpow_gt_0|].
  destruct Z.eqb; [exact C|]; apply Rlt_le_trans with (2 := Rmax_r _ _), bpow_gt_0.
Qed.

(** Whatever a term may leave, it leaves of some x: not of its magnitude only. *)
Lemma term_attained f s a r :
  valid f = true -> 0 < s -> 0 < a -> Rabs r <= s * element_error f (a / s) ->
  exists x, Rabs x <= a /\ x - s * to_even f (x / s) = r.
Proof.
  intros V S A B; set (e := Rabs (r / s)).
  assert (E : Rabs r = s * e).
  { unfold e; rewrite <- (Rabs_pos_eq s) at 1 by lra; rewrite <- Rabs_mult; f_equal; field; lra. }
  assert (T : 0 < a / s) by now apply Rdiv_lt_0_compat.
  destruct (element_error_attained f V (a / s) e T) as (t & y & X & Y & D & N).
  { split; [apply Rabs_pos|]; rewrite E in B; now apply Rmult_le_reg_l in B. }
  assert (Eq : Rabs (t - to_even f t) = e).
  { rewrite <- D; apply Rle_antisym; [now apply to_even_nearest | now apply N, to_even_number]. }
  assert (Sx : Rabs (s * t) <= a).
  { rewrite Rabs_mult, (Rabs_pos_eq s) by lra.
    replace a with (s * (a / s)) by (field; lra); apply Rmult_le_compat_l; lra. }
  assert (R1 : Rabs (s * (t - to_even f t)) = Rabs r).
  { rewrite Rabs_mult, (Rabs_pos_eq s), Eq by lra; lra. }
  destruct (Rabs_eq_Rabs _ _ R1) as [H | H].
  - exists (s * t); split; [exact Sx|]; rewrite <- H.
    replace (s * t / s) with t by (field; lra); ring.
  - exists (s * - t); split; [now rewrite <- Ropp_mult_distr_r, Rabs_Ropp|].
    replace (s * - t / s) with (- t) by (field; lra); rewrite to_even_opp by exact V; lra.
Qed.

Theorem bound_attained fs a :
  Forall sound fs -> 0 < a -> exists x, Rabs x <= a /\ Rabs (remainder_of to_even fs x) = bound fs a.
Proof.
  intros V A.
  assert (H : forall r, Rabs r <= bound fs a -> exists x, Rabs x <= a /\ remainder_of to_even fs x = r).
  { revert a A; induction V as [|[f s] fs [Vf S] V IH]; intros a A r R; [now exists r|].
    cbn [bound remainder_of] in *.
    destruct (IH (s * element_error f (a / s))) with (r := r) as (y & Y & <-); [| exact R |].
    - apply Rmult_lt_0_compat; [exact S | apply element_error_pos; [exact Vf|]].
      now apply Rdiv_lt_0_compat.
    - destruct (term_attained f s a y Vf S A Y) as (x & X & <-); now exists x. }
  assert (P : 0 <= bound fs a).
  { clear H; revert a A; induction V as [|[f s] fs [Vf S] V IH]; intros a A; [cbn; lra|].
    cbn [bound]; apply IH, Rmult_lt_0_compat; [exact S | apply element_error_pos; [exact Vf|]].
    now apply Rdiv_lt_0_compat. }
  destruct (H (bound fs a)) as (x & X & E); [right; now apply Rabs_pos_eq|].
  exists x; split; [exact X | rewrite E; now apply Rabs_pos_eq].
Qed.

(** * The bound as a number: the same computed on rationals *)

Definition power (k : Z) : Q :=
  if (0 <=? k)%Z then inject_Z (2 ^ k) else (1 # Z.to_pos (2 ^ (- k)))%Q.

Definition rational_ceil_log2 (x : Q) : Z :=
  let shift := (Z.log2 (QDen x) + 1)%Z in
  (Z.log2_up (Qceiling (x * power shift)) - shift)%Z.

Definition rational_binade (f : format) (t : Q) : Z :=
  Z.max (lowest f) (rational_ceil_log2 t - 1).

Definition rational_rounding_error (f : format) (k : Z) (t : Q) : Q :=
  Qmin (power (k - precision f))
    (if Z.eqb k (lowest f) then t else Qmax (t - power k) (power (k - precision f - 1))).

Definition rational_largest (f : format) : Q := inject_Z (mantissa f) * power (exponent f).

Definition rational_element_error (f : format) (t : Q) : Q :=
  let c := Qmin t (rational_largest f) in
  Qmax (t - rational_largest f) (rational_rounding_error f (rational_binade f c) c).

Fixpoint rational_bound (fs : list (format * Q)) (a : Q) : Q :=
  match fs with
  | [] => a
  | (f, s) :: fs => rational_bound fs (s * rational_element_error f (a / s))
  end.

Definition positive (x : Q) : bool := (0 <? Qnum x)%Z.
Definition rational_sound (fs : list (format * Q)) : bool :=
  forallb (fun term => valid (fst term) && positive (snd term))%bool fs.

(** Scales and range are in units of [u], any positive number: a scale, alpha, amax. *)
Definition in_units (u : R) (fs : list (format * Q)) : list (format * R) :=
  map (fun term => (fst term, u * Q2R (snd term))) fs.

Lemma power_correct k : Q2R (power k) = pow2 k.
Proof.
  unfold power; destruct (Z.leb_spec 0 k) as [K | K].
  - unfold Q2R, inject_Z; simpl; rewrite Rinv_1, Rmult_1_r; now apply (IZR_Zpower radix2).
  - unfold Q2R; simpl; rewrite Rmult_1_l.
    rewrite Z2Pos.id by (apply Z.pow_pos_nonneg; lia).
    rewrite (IZR_Zpower radix2) by lia; rewrite <- bpow_opp; f_equal; lia.
Qed.

Lemma positive_correct x : positive x = true <-> 0 < Q2R x.
Proof.
  unfold positive; rewrite Z.ltb_lt; replace 0%R with (Q2R 0) by (unfold Q2R; simpl; lra).
  split; intros H; [apply Qlt_Rlt | apply Rlt_Qlt in H]; unfold Qlt in *; simpl in *; lia.
Qed.

Lemma power_pos k : 0 < Q2R (power k).
Proof. rewrite power_correct; apply bpow_gt_0. Qed.

Lemma Q2R_IZR z : Q2R (inject_Z z) = IZR z.
Proof. unfold Q2R; simpl; lra. Qed.

Lemma Q2R_max x y : Q2R (Qmax x y) = Rmax (Q2R x) (Q2R y).
Proof.
  destruct (Q.max_spec x y) as [[L E] | [L E]]; apply Qeq_eqR in E; rewrite E; symmetry.
  - apply Rmax_right, Qle_Rle; now apply Qlt_le_weak.
  - now apply Rmax_left, Qle_Rle.
Qed.

Lemma Q2R_min x y : Q2R (Qmin x y) = Rmin (Q2R x) (Q2R y).
Proof.
  destruct (Q.min_spec x y) as [[L E] | [L E]]; apply Qeq_eqR in E; rewrite E; symmetry.
  - apply Rmin_left, Qle_Rle; now apply Qlt_le_weak.
  - now apply Rmin_right, Qle_Rle.
Qed.

Lemma Q2R_over x y : 0 < Q2R y -> Q2R (x / y) = Q2R x / Q2R y.
Proof.
  intros Y; apply Q2R_div; intros E; apply Qeq_eqR in E; rewrite E in Y.
  unfold Q2R in Y; simpl in Y; lra.
Qed.

Lemma rational_ceil_log2_correct x : 0 < Q2R x -> rational_ceil_log2 x = ceil_log2 (Q2R x).
Proof.
  intros X; symmetry; unfold rational_ceil_log2; set (shift := (Z.log2 (QDen x) + 1)%Z).
  set (n := Qceiling (x * power shift)).
  assert (U : Q2R x * pow2 shift <= IZR n).
  { rewrite <- power_correct, <- Q2R_mult, <- Q2R_IZR; apply Qle_Rle, Qle_ceiling. }
  assert (L : IZR (n - 1) < Q2R x * pow2 shift).
  { rewrite <- power_correct, <- Q2R_mult, <- Q2R_IZR; apply Qlt_Rlt, Qceiling_lt. }
  assert (O : 1 < Q2R x * pow2 shift).
  { apply positive_correct in X; unfold positive in X; apply Z.ltb_lt in X.
    destruct (Z.log2_spec (QDen x) ltac:(lia)) as [_ D]; fold shift in D.
    assert (D' : IZR (QDen x) < pow2 shift).
    { rewrite <- (IZR_Zpower radix2) by (assert (H := Z.log2_nonneg (QDen x)); lia).
      now apply IZR_lt. }
    assert (P : 0 < IZR (QDen x)) by (apply IZR_lt; lia).
    assert (Q : 1 <= IZR (Qnum x)) by (apply IZR_le; lia).
    apply Rmult_lt_reg_r with (IZR (QDen x)); [exact P|]; unfold Q2R.
    replace (IZR (Qnum x) * / IZR (QDen x) * pow2 shift * IZR (QDen x))
      with (IZR (Qnum x) * pow2 shift) by (field; lra).
    nra. }
  assert (N : (1 < n)%Z) by (apply lt_IZR; lra).
  destruct (Z.log2_up_spec n N) as [A B]; assert (C := Z.log2_up_pos n N).
  apply ceil_log2_unique; assert (S := bpow_gt_0 radix2 shift).
  replace (Z.log2_up n - shift - 1)%Z with (Z.pred (Z.log2_up n) + - shift)%Z by lia.
  unfold Z.sub; rewrite !bpow_plus, bpow_opp.
  assert (A' : pow2 (Z.pred (Z.log2_up n)) <= IZR (n - 1)).
  { rewrite <- (IZR_Zpower radix2) by lia; apply IZR_le; simpl; lia. }
  assert (B' : IZR n <= pow2 (Z.log2_up n)).
  { rewrite <- (IZR_Zpower radix2) by lia; now apply IZR_le. }
  split; apply Rmult_lt_reg_r with (pow2 shift) || apply Rmult_le_reg_r with (pow2 shift);
    try exact S; rewrite Rmult_assoc, Rinv_l, Rmult_1_r by lra; lra.
Qed.

Lemma rational_largest_correct f : Q2R (rational_largest f) = largest f.
Proof. unfold rational_largest, largest; now rewrite Q2R_mult, Q2R_IZR, power_correct. Qed.

Lemma rational_element_error_correct f t :
  valid f = true -> 0 < Q2R t -> Q2R (rational_element_error f t) = element_error f (Q2R t).
Proof.
  intros V T; assert (M := largest_pos f V); rewrite <- rational_largest_correct in M.
  unfold rational_element_error, element_error, rational_rounding_error, rounding_error.
  set (c := Qmin t (rational_largest f)).
  assert (C : 0 < Q2R c) by (unfold c; rewrite Q2R_min; now apply Rmin_glb_lt).
  rewrite Q2R_max, Q2R_minus, Q2R_min, power_correct.
  rewrite <- rational_largest_correct, <- Q2R_min; fold c.
  replace (rational_binade f c) with (binade f (Q2R c))
    by (unfold binade, rational_binade; now rewrite rational_ceil_log2_correct).
  destruct Z.eqb; [reflexivity|]; now rewrite Q2R_max, Q2R_minus, !power_correct.
Qed.

Lemma rational_element_error_pos f t :
  valid f = true -> 0 < Q2R t -> 0 < Q2R (rational_element_error f t).
Proof.
  intros V T; rewrite rational_element_error_correct by assumption; now apply element_error_pos.
Qed.

Lemma rational_sound_cons f s fs :
  rational_sound ((f, s) :: fs) = true -> valid f = true /\ 0 < Q2R s /\ rational_sound fs = true.
Proof.
  intros H; apply andb_prop in H; destruct H as [H S]; apply andb_prop in H; simpl in H.
  rewrite <- positive_correct; tauto.
Qed.

Lemma in_units_sound u fs : 0 < u -> rational_sound fs = true -> Forall sound (in_units u fs).
Proof.
  intros U; induction fs as [|[f s] fs IH]; intros S; constructor.
  - apply rational_sound_cons in S; split; [easy|]; simpl; now apply Rmult_lt_0_compat.
  - apply rational_sound_cons in S; now apply IH.
Qed.

Theorem rational_bound_correct u fs a :
  0 < u -> rational_sound fs = true -> 0 < Q2R a ->
  bound (in_units u fs) (u * Q2R a) = u * Q2R (rational_bound fs a).
Proof.
  intros U; revert a; induction fs as [|[f s] fs IH]; intros a S A; [reflexivity|].
  apply rational_sound_cons in S; destruct S as [V [S Ss]].
  assert (T : 0 < Q2R (a / s)) by (rewrite Q2R_over by exact S; now apply Rdiv_lt_0_compat).
  cbn [in_units map bound rational_bound fst snd].
  rewrite <- IH; [| exact Ss |].
  - f_equal; rewrite Q2R_mult, rational_element_error_correct, Q2R_over by assumption.
    replace (u * Q2R a / (u * Q2R s)) with (Q2R a / Q2R s) by (field; lra); ring.
  - rewrite Q2R_mult; apply Rmult_lt_0_compat; [exact S | now apply rational_element_error_pos].
Qed.

(** ** What a closed instance computes *)

Definition leaves_at_most (fs : list (format * Q)) (a b : Q) : bool :=
  (rational_sound fs && positive a && Qle_bool (rational_bound fs a) b)%bool.

Theorem remainder_bound fs a b :
  leaves_at_most fs a b = true ->
  forall u x r, 0 < u -> Rabs x <= u * Q2R a -> leaves (in_units u fs) x r -> Rabs r <= u * Q2R b.
Proof.
  unfold leaves_at_most; rewrite !andb_true_iff, positive_correct, Qle_bool_iff.
  intros [[S A] B] u x r U X L; apply Rle_trans with (bound (in_units u fs) (u * Q2R a)).
  - apply leaves_bound with x; [now apply in_units_sound | exact X | exact L].
  - rewrite rational_bound_correct by assumption.
    apply Rmult_le_compat_l; [lra | now apply Qle_Rle].
Qed.

(** No smaller number would do, for real x and ties to even. *)
Definition leaves_as_much (fs : list (format * Q)) (a b : Q) : bool :=
  (rational_sound fs && positive a && Qeq_bool (rational_bound fs a) b)%bool.

Theorem remainder_attained fs a b :
  leaves_as_much fs a b = true ->
  forall u, 0 < u -> exists x, Rabs x <= u * Q2R a /\
    Rabs (remainder_of to_even (in_units u fs) x) = u * Q2R b.
Proof.
  unfold leaves_as_much; rewrite !andb_true_iff, positive_correct.
  intros [[S A] B] u U; apply Qeq_bool_eq, Qeq_eqR in B.
  rewrite <- B, <- rational_bound_correct by assumption.
  apply bound_attained; [now apply in_units_sound | now apply Rmult_lt_0_compat].
Qed.

(** * E8M0 scales by a rule, clamped at both ends *)

(** The scale is the least power of two with amax <= limit * scale, or amax < limit * scale. *)
Record rule := Rule { limit : Q; closed : bool }.

Definition fits (r : rule) (amax s : R) : Prop :=
  if closed r then amax <= Q2R (limit r) * s else amax < Q2R (limit r) * s.
Definition ruled (r : rule) (amax : R) (e : Z) : Prop :=
  fits r amax (pow2 e) /\ ~ fits r amax (pow2 (e - 1)).
Definition e8m0 (e : Z) : Z := Z.max (-127) (Z.min 127 e).

Definition rational_fits (r : rule) (amax s : Q) : bool :=
  if closed r then Qle_bool amax (limit r * s) else negb (Qle_bool (limit r * s) amax).
Definition scale_exponent (r : rule) (amax : Q) : Z :=
  let e := rational_ceil_log2 (amax / limit r) in
  if rational_fits r amax (power e) then e else (e + 1)%Z.

Lemma rational_fits_correct r a s : rational_fits r a s = true <-> fits r (Q2R a) (Q2R s).
Proof.
  unfold rational_fits, fits; rewrite <- Q2R_mult; destruct (closed r).
  - rewrite Qle_bool_iff; split; [apply Qle_Rle | apply Rle_Qle].
  - rewrite negb_true_iff, <- not_true_iff_false, Qle_bool_iff; split; intros H.
    + apply Rnot_le_lt; intros L; now apply H, Rle_Qle.
    + intros L; apply Qle_Rle in L; lra.
Qed.

Lemma fits_mono r a b s t :
  0 < Q2R (limit r) -> a <= b -> s <= t -> fits r b s -> fits r a t.
Proof.
  unfold fits; intros L A S; assert (M := Rmult_le_compat_l _ _ _ (Rlt_le _ _ L) S).
  destruct (closed r); lra.
Qed.

Lemma fits_half r a e : fits r (a / 2) (pow2 (e - 1)) <-> fits r a (pow2 e).
Proof.
  unfold fits; replace (pow2 (e - 1)) with (pow2 e / 2)
    by (unfold Z.sub; rewrite bpow_plus; simpl; lra).
  destruct (closed r); split; lra.
Qed.

Lemma scale_exponent_ruled r a :
  0 < Q2R (limit r) -> 0 < Q2R a -> ruled r (Q2R a) (scale_exponent r a).
Proof.
  intros L A; unfold scale_exponent; set (e := rational_ceil_log2 _).
  assert (Q : 0 < Q2R (a / limit r)) by (rewrite Q2R_over by exact L; now apply Rdiv_lt_0_compat).
  assert (U := ceil_log2_le _ Q); assert (D := ceil_log2_gt _ Q).
  rewrite <- rational_ceil_log2_correct in U, D by exact Q; fold e in U, D.
  rewrite Q2R_over in U, D by exact L.
  apply (Rmult_le_compat_l (Q2R (limit r))) in U; [|lra].
  apply (Rmult_lt_compat_l (Q2R (limit r))) in D; [|lra].
  replace (Q2R (limit r) * (Q2R a / Q2R (limit r))) with (Q2R a) in U, D by (field; lra).
  destruct (rational_fits r a (power e)) eqn:F.
  - rewrite rational_fits_correct, power_correct in F; split; [exact F|].
    unfold fits; destruct (closed r); lra.
  - assert (N : ~ fits r (Q2R a) (pow2 e)).
    { now rewrite <- power_correct, <- rational_fits_correct, F. }
    unfold ruled; replace (e + 1 - 1)%Z with e by ring; split; [|exact N].
    rewrite bpow_plus; assert (P := bpow_gt_0 radix2 e); change (pow2 1) with 2.
    assert (G : 0 < Q2R (limit r) * pow2 e) by now apply Rmult_lt_0_compat.
    unfold fits in *; destruct (closed r); lra.
Qed.

Lemma ruled_le r a b e e' :
  0 < Q2R (limit r) -> a <= b -> ruled r a e -> fits r b (pow2 e') -> (e <= e')%Z.
Proof.
  intros L A [_ N] F; destruct (Z.le_gt_cases e e') as [G | G]; [exact G|].
  exfalso; apply N; apply fits_mono with b (pow2 e'); try assumption; apply bpow_le; lia.
Qed.

(** ** Each scale a power of two below the first: [fs] lists formats and how far below *)

Definition by_ratios (e : Z) (fs : list (format * Z)) : list (format * R) :=
  map (fun term => (fst term, pow2 (e8m0 (e - snd term)))) fs.
Definition rational_by_ratios (e : Z) (fs : list (format * Z)) : list (format * Q) :=
  map (fun term => (fst term, power (e8m0 (e - snd term)))) fs.

(** alpha = 2^k covers amax: under [r] the first scale is alpha's own or, for amax below, half. *)
Definition ratios_bound (r : rule) (fs : list (format * Z)) (k : Z) : Q :=
  let e := scale_exponent r (power k) in
  let below := (limit r * power (e - 1))%Q in
  let first := rational_bound (rational_by_ratios e fs) (power k) in
  if Qle_bool below (power (k - 1)) then first
  else Qmax first (rational_bound (rational_by_ratios (e - 1) fs) below).

Definition valid_terms {A} (fs : list (format * A)) : bool := forallb (fun term => valid (fst term)) fs.

Lemma rational_by_ratios_sound e fs :
  valid_terms fs = true -> rational_sound (rational_by_ratios e fs) = true.
Proof.
  intros V; induction fs as [|[f d] fs IH]; [reflexivity|].
  apply andb_prop in V; destruct V as [V Vs]; simpl in V; cbn.
  rewrite V, (proj2 (positive_correct _) (power_pos _)); now apply IH.
Qed.

Lemma by_ratios_in_units e fs : by_ratios e fs = in_units 1 (rational_by_ratios e fs).
Proof.
  unfold by_ratios, in_units, rational_by_ratios; rewrite map_map; apply map_ext; intros [f d]; simpl.
  now rewrite power_correct, Rmult_1_l.
Qed.

Lemma by_ratios_leaves e fs a x y :
  valid_terms fs = true -> 0 < Q2R a -> Rabs x <= Q2R a -> leaves (by_ratios e fs) x y ->
  Rabs y <= Q2R (rational_bound (rational_by_ratios e fs) a).
Proof.
  intros V A X L; rewrite by_ratios_in_units in L; apply rational_by_ratios_sound with (e := e) in V.
  rewrite <- (Rmult_1_l (Q2R (rational_bound _ _))), <- rational_bound_correct by (assumption || lra).
  apply leaves_bound with x; [apply in_units_sound; [lra | exact V] | lra | exact L].
Qed.

Lemma ratios_bound_correct r fs k amax e x y :
  valid_terms fs = true -> 0 < Q2R (limit r) -> pow2 (k - 1) < amax <= pow2 k -> ruled r amax e ->
  Rabs x <= amax -> leaves (by_ratios e fs) x y -> Rabs y <= Q2R (ratios_bound r fs k).
Proof.
  intros V L [A1 A2] R X Y; assert (P := power_pos k).
  destruct (scale_exponent_ruled r (power k) L P) as [F N]; unfold ratios_bound.
  set (e' := scale_exponent r (power k)) in *; rewrite power_correct in F, N.
  set (below := (limit r * power (e' - 1))%Q).
  assert (U := ruled_le r amax (pow2 k) e e' L A2 R F).
  assert (D : (e' - 1 <= e)%Z).
  { destruct (Z.le_gt_cases (e' - 1) e) as [G | G]; [exact G|]; exfalso; apply N.
    rewrite <- fits_half; destruct R as [R _]; apply fits_mono with amax (pow2 e); try assumption.
    - replace (pow2 k / 2) with (pow2 (k - 1)) by (unfold Z.sub; rewrite bpow_plus; simpl; lra); lra.
    - apply bpow_le; lia. }
  assert (First : e = e' -> Rabs y <= Q2R (rational_bound (rational_by_ratios e' fs) (power k))).
  { intros ->; apply by_ratios_leaves with x; [exact V | exact P | rewrite power_correct; lra | exact Y]. }
  assert (E : e = e' \/ e = (e' - 1)%Z) by lia; destruct E as [E | E].
  { destruct Qle_bool; [|rewrite Q2R_max; apply Rle_trans with (2 := Rmax_l _ _)]; now apply First. }
  assert (B : amax <= Q2R below).
  { destruct R as [R _]; unfold below; rewrite Q2R_mult, power_correct, <- E.
    unfold fits in R; destruct (closed r); lra. }
  destruct Qle_bool eqn:Q.
  - apply Qle_bool_iff, Qle_Rle in Q; rewrite power_correct in Q; lra.
  - rewrite Q2R_max; apply Rle_trans with (2 := Rmax_r _ _); rewrite <- E.
    apply by_ratios_leaves with x; [exact V | | lra | exact Y].
    apply Rlt_le_trans with (2 := B); apply Rle_lt_trans with (2 := A1), bpow_ge_0.
Qed.

(** ** Each scale by the rule, from the largest magnitude that is left of the block *)

Definition largest_of (block : list R) (amax : R) : Prop :=
  Forall (fun x => Rabs x <= amax) block /\ Exists (fun x => Rabs x = amax) block.

(** A block of zeros may have any scale. *)
Inductive leaves_own : list (format * rule) -> list R -> list R -> Prop :=
| leaves_own_nothing block : leaves_own [] block block
| leaves_own_term f r fs amax e block rest left :
    largest_of block amax -> amax = 0 \/ ruled r amax e ->
    Forall2 (leaves [(f, pow2 (e8m0 e))]) block rest -> leaves_own fs rest left ->
    leaves_own ((f, r) :: fs) block left.

(** Under [r] the scale is that of [a] or, for less that is left, smaller; e8m0 ends at 2^-127. *)
Definition own_step (f : format) (r : rule) (a : Q) : Q :=
  let error s a := (power s * rational_element_error f (a / power s))%Q in
  let s := e8m0 (scale_exponent r a) in
  let s' := e8m0 (scale_exponent r a - 1) in
  if (-127 <? s)%Z then Qmax (error s a) (error s' (limit r * power s')%Q) else error s a.

Fixpoint own_bound (fs : list (format * rule)) (a : Q) : Q :=
  match fs with
  | [] => a
  | (f, r) :: fs => own_bound fs (own_step f r a)
  end.

Definition valid_rules (fs : list (format * rule)) : bool :=
  (valid_terms fs && forallb (fun term => positive (limit (snd term))) fs)%bool.

Lemma e8m0_term f s a x y :
  valid f = true -> 0 < Q2R a -> Rabs x <= Q2R a -> leaves [(f, pow2 s)] x y ->
  Rabs y <= Q2R (power s * rational_element_error f (a / power s))%Q.
Proof.
  intros V A X L; inversion L as [|f' s' fs' x' q y' N L']; subst; inversion L'; subst.
  assert (P := power_pos s); assert (T : 0 < Q2R (a / power s)).
  { rewrite Q2R_over by exact P; now apply Rdiv_lt_0_compat. }
  rewrite Q2R_mult, rational_element_error_correct, Q2R_over, power_correct by assumption.
  apply term_error; [exact V | apply bpow_gt_0 | exact X | exact N].
Qed.

Lemma zero_leaves_zero f s x y :
  valid f = true -> 0 < s -> Rabs x <= 0 -> leaves [(f, s)] x y -> Rabs y = 0.
Proof.
  intros V S X L; inversion L as [|f' s' fs' x' q y' N L']; subst; inversion L'; subst.
  assert (Z : x = 0).
  { destruct (Req_dec x 0) as [Z | Z]; [exact Z | apply Rabs_pos_lt in Z; lra]. }
  specialize (N 0 (number_zero f V)); rewrite Z in *; unfold Rdiv in N.
  rewrite Rmult_0_l, Rminus_0_l, Rabs_Ropp, Rminus_0_r, Rabs_R0 in N.
  rewrite Rminus_0_l, Rabs_Ropp, Rabs_mult, (Rabs_pos_eq s) by lra.
  assert (P := Rabs_pos q); replace (Rabs q) with 0 by lra; ring.
Qed.

Lemma own_step_pos f r a : valid f = true -> 0 < Q2R a -> 0 < Q2R (own_step f r a).
Proof.
  intros V A; unfold own_step; set (s := e8m0 (scale_exponent r a)).
  assert (E : 0 < Q2R (power s * rational_element_error f (a / power s))).
  { rewrite Q2R_mult; apply Rmult_lt_0_compat; [apply power_pos|].
    apply rational_element_error_pos; [exact V | rewrite Q2R_over by apply power_pos].
    apply Rdiv_lt_0_compat; [exact A | apply power_pos]. }
  destruct Z.ltb; [rewrite Q2R_max; apply Rlt_le_trans with (1 := E), Rmax_l | exact E].
Qed.

Lemma own_step_correct f r a amax e x y :
  valid f = true -> 0 < Q2R (limit r) -> 0 < Q2R a -> amax <= Q2R a ->
  amax = 0 \/ ruled r amax e -> Rabs x <= amax -> leaves [(f, pow2 (e8m0 e))] x y ->
  Rabs y <= Q2R (own_step f r a).
Proof.
  intros V L A M [-> | R] X Y.
  { rewrite (zero_leaves_zero _ _ _ _ V (bpow_gt_0 _ _) X Y); now apply Rlt_le, own_step_pos. }
  destruct (scale_exponent_ruled r a L A) as [F _]; unfold own_step.
  set (e' := scale_exponent r a) in *; assert (U := ruled_le r amax (Q2R a) e e' L M R F).
  destruct (Z.eq_dec (e8m0 e) (e8m0 e')) as [E | E].
  { assert (B : Rabs y <= Q2R (power (e8m0 e') * rational_element_error f (a / power (e8m0 e')))).
    { apply e8m0_term with x; [exact V | exact A | lra | now rewrite <- E]. }
    destruct Z.ltb; [rewrite Q2R_max; apply Rle_trans with (1 := B), Rmax_l | exact B]. }
  assert (C : (e <= e8m0 e <= e8m0 (e' - 1))%Z /\ (-127 < e8m0 e')%Z) by (unfold e8m0 in *; lia).
  rewrite (proj2 (Z.ltb_lt _ _) (proj2 C)), Q2R_max; apply Rle_trans with (2 := Rmax_r _ _).
  set (s := e8m0 (e' - 1)) in *; assert (P := power_pos s).
  assert (B : 0 < Q2R (limit r * power s)) by (rewrite Q2R_mult; now apply Rmult_lt_0_compat).
  assert (T : Q2R (limit r * power s / power s) = Q2R (limit r)).
  { rewrite Q2R_over, Q2R_mult by exact P; field; lra. }
  assert (T' : 0 < Q2R (limit r * power s / power s)) by now rewrite T.
  rewrite Q2R_mult, rational_element_error_correct, T, power_correct by assumption.
  inversion Y as [|f' s' fs' x' q y' N Y']; subst; inversion Y'; subst.
  assert (Q := bpow_gt_0 radix2 (e8m0 e)).
  apply Rle_trans with (pow2 (e8m0 e) * element_error f (Q2R (limit r) * pow2 (e8m0 e) / pow2 (e8m0 e))).
  - apply term_error; [exact V | exact Q | | exact N]; apply Rle_trans with (1 := X).
    apply Rle_trans with (Q2R (limit r) * pow2 e).
    + destruct R as [R _]; unfold fits in R; destruct (closed r); lra.
    + apply Rmult_le_compat_l; [lra | apply bpow_le; lia].
  - replace (Q2R (limit r) * pow2 (e8m0 e) / pow2 (e8m0 e)) with (Q2R (limit r)) by (field; lra).
    apply Rmult_le_compat_r; [now apply Rlt_le, element_error_pos | apply bpow_le; lia].
Qed.

Lemma own_bound_correct fs a block left :
  valid_rules fs = true -> 0 < Q2R a -> Forall (fun x => Rabs x <= Q2R a) block ->
  leaves_own fs block left -> Forall (fun x => Rabs x <= Q2R (own_bound fs a)) left.
Proof.
  intros V A B L; revert a V A B.
  induction L as [block | f r fs amax e block rest left [M W] R S L IH]; intros a V A B; [exact B|].
  unfold valid_rules in V; cbn in V; rewrite !andb_true_iff in V.
  destruct V as [[Vf Vs] [Lf Ls]]; apply positive_correct in Lf.
  assert (MA : amax <= Q2R a).
  { apply Exists_exists in W; destruct W as (w & I & <-).
    now apply (proj1 (Forall_forall _ _) B). }
  cbn [own_bound]; apply IH; [now apply andb_true_intro | now apply own_step_pos |].
  clear IH L B W; revert M; induction S as [|x y block rest Y S IH]; intros M; constructor.
  - inversion M; subst; now apply own_step_correct with amax e x.
  - inversion M; subst; now apply IH.
Qed.

(** ** What a closed instance computes: c alpha, or 2^d of underflow, for every alpha = 2^k *)

Definition exponents (low high : Z) : list Z :=
  map (fun n => low + Z.of_nat n)%Z (seq 0 (Z.to_nat (high - low + 1))).

Definition at_most (c : Q) (d k : Z) (b : Q) : bool := Qle_bool b (Qmax (c * power k) (power d)).

Definition ratios_leave_at_most (r : rule) (fs : list (format * Z))
    (low high : Z) (c : Q) (d : Z) : bool :=
  (valid_terms fs && positive (limit r) &&
   forallb (fun k => at_most c d k (ratios_bound r fs k)) (exponents low high))%bool.

Definition own_leave_at_most (fs : list (format * rule))
    (low high : Z) (c : Q) (d : Z) : bool :=
  (valid_rules fs &&
   forallb (fun k => at_most c d k (own_bound fs (power k))) (exponents low high))%bool.

Lemma at_every_alpha low high c d b k :
  forallb (fun k => at_most c d k (b k)) (exponents low high) = true -> (low <= k <= high)%Z ->
  Q2R (b k) <= Rmax (Q2R c * pow2 k) (pow2 d).
Proof.
  intros H K; rewrite forallb_forall in H; specialize (H k).
  rewrite <- !power_correct, <- Q2R_mult, <- Q2R_max; apply Qle_Rle, Qle_bool_iff, H.
  apply in_map_iff; exists (Z.to_nat (k - low)); split; [lia | apply in_seq; lia].
Qed.

Theorem ratios_remainder r fs low high c d :
  ratios_leave_at_most r fs low high c d = true ->
  forall k amax e x y, (low <= k <= high)%Z -> pow2 (k - 1) < amax <= pow2 k -> ruled r amax e ->
  Rabs x <= amax -> leaves (by_ratios e fs) x y -> Rabs y <= Rmax (Q2R c * pow2 k) (pow2 d).
Proof.
  unfold ratios_leave_at_most; rewrite !andb_true_iff, positive_correct.
  intros [[V L] H] k amax e x y K A R X Y.
  apply Rle_trans with (2 := at_every_alpha low high c d (ratios_bound r fs) k H K).
  now apply ratios_bound_correct with amax e x.
Qed.

Theorem own_remainder fs low high c d :
  own_leave_at_most fs low high c d = true ->
  forall k block left, (low <= k <= high)%Z -> Forall (fun x => Rabs x <= pow2 k) block ->
  leaves_own fs block left -> Forall (fun y => Rabs y <= Rmax (Q2R c * pow2 k) (pow2 d)) left.
Proof.
  unfold own_leave_at_most; rewrite andb_true_iff; intros [V H] k block left K B L.
  assert (O : Forall (fun y => Rabs y <= Q2R (own_bound fs (power k))) left).
  { apply own_bound_correct with block; [exact V | apply power_pos | | exact L].
    now rewrite power_correct. }
  refine (Forall_impl _ _ O); intros y Y; apply Rle_trans with (1 := Y).
  exact (at_every_alpha low high c d (fun k => own_bound fs (power k)) k H K).
Qed.

(** * The published rules, and how an instance is proved *)

Definition emax (f : format) : Z := (exponent f + Z.log2 (mantissa f))%Z.
Definition covering (f : format) : rule := Rule (power (emax f)) true.
Definition floor (f : format) : rule := Rule (power (emax f + 1)) false.
Definition rceil (f : format) : rule := Rule (rational_largest f) true.
Definition even (f : format) : rule := Rule ((2 - power (- precision f)) * power (emax f)) false.

Ltac certify := vm_compute; reflexivity.

(** OCP: floor(log2 amax) - emax, and ceil in the paper. *)
Theorem floor_exponent f amax e :
  ruled (floor f) amax e <-> pow2 (e + emax f) <= amax < pow2 (e + emax f + 1).
Proof.
  unfold ruled, fits; simpl; rewrite power_correct, <- !bpow_plus.
  replace (emax f + 1 + (e - 1))%Z with (e + emax f)%Z by ring.
  replace (emax f + 1 + e)%Z with (e + emax f + 1)%Z by ring; lra.
Qed.

Theorem covering_exponent f amax e :
  ruled (covering f) amax e <-> pow2 (e + emax f - 1) < amax <= pow2 (e + emax f).
Proof.
  unfold ruled, fits; simpl; rewrite power_correct, <- !bpow_plus.
  replace (emax f + (e - 1))%Z with (e + emax f - 1)%Z by ring.
  rewrite (Z.add_comm (emax f)); lra.
Qed.

(** Even: amax is rounded to the precision of the format, ties to even; then as floor. *)
Notation rounded p := (round radix2 (FLX_exp p) ZnearestE).

Lemma rounded_midpoint p j : (0 < p)%Z -> rounded p ((2 - pow2 (- p)) * pow2 (j - 1)) = pow2 j.
Proof.
  intros P; set (t := (2 - pow2 (- p)) * pow2 (j - 1)).
  assert (J : pow2 j = 2 * pow2 (j - 1)).
  { replace j with (1 + (j - 1))%Z at 1 by ring; now rewrite bpow_plus. }
  assert (Q := bpow_gt_0 radix2 (j - 1)); assert (N := bpow_gt_0 radix2 (- p)).
  assert (H : pow2 (- p) <= / 2) by (change (/ 2) with (pow2 (-1)); apply bpow_le; lia).
  assert (M : mag radix2 t = j :> Z) by (apply mag_unique_pos; unfold t; nra).
  assert (S : scaled_mantissa radix2 (FLX_exp p) t = IZR (2 ^ p) - / 2).
  { unfold scaled_mantissa, cexp, FLX_exp; rewrite M, (IZR_Zpower radix2) by lia; unfold t.
    replace (- (j - p))%Z with (p + - (j - 1) + - (1))%Z by ring.
    rewrite !bpow_plus, !bpow_opp; change (pow2 1) with 2; field.
    split; apply Rgt_not_eq, bpow_gt_0. }
  assert (F : Zfloor (IZR (2 ^ p) - / 2) = (2 ^ p - 1)%Z).
  { apply Zfloor_imp; rewrite plus_IZR, minus_IZR; lra. }
  assert (C : Zceil (IZR (2 ^ p) - / 2) = (2 ^ p)%Z) by (apply Zceil_imp; rewrite minus_IZR; lra).
  unfold round; rewrite S; unfold Znearest; rewrite F, C, minus_IZR, Rcompare_Eq by lra.
  replace (Z.even (2 ^ p - 1)) with false
    by (now rewrite Z.even_sub, Z.even_pow by lia).
  unfold F2R, cexp, FLX_exp; simpl; rewrite M, (IZR_Zpower radix2) by lia.
  rewrite <- bpow_plus; f_equal; ring.
Qed.

Lemma rounded_reaches p j amax :
  (0 < p)%Z -> pow2 j <= rounded p amax <-> (2 - pow2 (- p)) * pow2 (j - 1) <= amax.
Proof.
  intros P; assert (P' : Prec_gt_0 p) by exact P; split; intros H.
  - apply Rnot_lt_le; intros L; assert (J : pow2 j = 2 * pow2 (j - 1)).
    { replace j with (1 + (j - 1))%Z at 1 by ring; now rewrite bpow_plus. }
    assert (D : pow2 (- p) * pow2 (j - 1) = pow2 (j - p) / 2).
    { rewrite <- bpow_plus; replace (- p + (j - 1))%Z with (j - p + - (1))%Z by ring.
      rewrite bpow_plus; simpl; lra. }
    assert (B : generic_format radix2 (FLX_exp p) (pow2 j - pow2 (j - p))).
    { change (j - p)%Z with (FLX_exp p j); rewrite <- pred_bpow.
      apply generic_format_pred; auto with typeclass_instances.
      apply generic_format_bpow; unfold FLX_exp; lia. }
    assert (Q := bpow_gt_0 radix2 (j - p)).
    destruct (Rle_or_lt amax (pow2 j - pow2 (j - p))) as [A | A].
    + apply (round_le_generic radix2 (FLX_exp p) ZnearestE) in A; [lra | exact B].
    + assert (N := proj2 (round_N_pt radix2 (FLX_exp p) (fun n => negb (Z.even n)) amax) _ B).
      rewrite Rabs_pos_eq, Rabs_left1 in N by lra; lra.
  - rewrite <- (rounded_midpoint p j P); now apply round_le; auto with typeclass_instances.
Qed.

Theorem even_exponent f amax e :
  valid f = true ->
  ruled (even f) amax e <->
  pow2 (e + emax f) <= rounded (precision f) amax < pow2 (e + emax f + 1).
Proof.
  intros V; apply valid_spec in V; destruct V as [_ [_ P]].
  assert (H : forall j, fits (even f) amax (pow2 j) <->
    rounded (precision f) amax < pow2 (j + emax f + 1)).
  { intros j; assert (R := rounded_reaches (precision f) (j + emax f + 1) amax P).
    replace (j + emax f + 1 - 1)%Z with (emax f + j)%Z in R by ring.
    unfold fits; simpl; rewrite Q2R_mult, Q2R_minus, !power_correct.
    replace (Q2R 2) with 2 by (unfold Q2R; simpl; lra).
    rewrite (bpow_plus _ (emax f) j), <- Rmult_assoc in R; split; intros L; apply Rnot_le_lt; intros K;
      apply (Rlt_not_le _ _ L), R; exact K. }
  unfold ruled; rewrite !H; replace (e - 1 + emax f + 1)%Z with (e + emax f)%Z by ring; lra.
Qed.
