(** The executable twin: casts, decompositions and steps of a matrix unit that compute, on integers
    times powers of two, each proved equal to the real-valued model. What they compute is written as
    vectors (Vectors.v), which the emulators must reproduce. *)

From Flocq Require Import Calc.Bracket Calc.Operations Calc.Round.
From Msdnum Require Export InnerProduct.

Notation number := (Defs.float radix2).
Notation significand := Defs.Fnum.
Notation exponent := Defs.Fexp.

(** * Rounding: what is done with the location [l] of the rest, by the sign *)

Section Rounding.

Variables (fexp : Z -> Z) (choice : bool -> Z -> location -> Z).

Definition rounded (x : number) : number :=
  let s := (significand x <? 0)%Z in
  let '(m, e, l) := truncate radix2 fexp (Z.abs (significand x), exponent x, loc_Exact) in
  Float radix2 (cond_Zopp s (choice s m l)) e.

Lemma negative (x : number) : Rlt_bool (F2R x) 0 = (significand x <? 0)%Z.
Proof.
  destruct x as [m e]; simpl; case Z.ltb_spec; intros H.
  - apply Rlt_bool_true; now apply F2R_lt_0.
  - apply Rlt_bool_false; now apply F2R_ge_0.
Qed.

Variable rnd : R -> Z.
Context {valid : Valid_exp fexp} {valid_rnd : Valid_rnd rnd}.
Hypothesis choose : forall x m l,
  inbetween_int m (Rabs x) l -> rnd x = cond_Zopp (Rlt_bool x 0) (choice (Rlt_bool x 0) m l).

Lemma rounded_correct (x : number) : F2R (rounded x) = round radix2 fexp rnd (F2R x).
Proof.
  rewrite (round_trunc_sign_any_correct radix2 fexp rnd choice choose (F2R x)
    (Z.abs (significand x)) (exponent x) loc_Exact).
  - unfold rounded; rewrite negative; now destruct truncate as [[m e] l].
  - apply inbetween_Exact; destruct x as [m e]; now rewrite <- F2R_Zabs.
  - now right.
Qed.

End Rounding.

Definition to_nearest (s : bool) (m : Z) (l : location) : Z :=
  cond_incr (round_N (negb (Z.even m)) l) m.
Definition toward_zero (s : bool) (m : Z) (l : location) : Z := m.

Definition run_binary (emin p : Z) : number -> number := rounded (FLT_exp emin p) to_nearest.
Definition run_fixed (emin : Z) : number -> number := rounded (FIX_exp emin) to_nearest.

Theorem run_binary_correct emin p x :
  (0 < p)%Z -> F2R (run_binary emin p x) = binary emin p (F2R x).
Proof.
  intros P; assert (P' : Prec_gt_0 p) by exact P.
  apply rounded_correct; auto with typeclass_instances; exact inbetween_int_NE_sign.
Qed.

Theorem run_fixed_correct emin x :
  F2R (run_fixed emin x) = round radix2 (FIX_exp emin) ZnearestE (F2R x).
Proof. apply rounded_correct; auto with typeclass_instances; exact inbetween_int_NE_sign. Qed.

(** * Saturation, scaling, subtraction *)

Definition smaller (x y : number) : bool := (significand (Fminus x y) <? 0)%Z.

Lemma smaller_correct x y : smaller x y = Rlt_bool (F2R x) (F2R y).
Proof.
  unfold smaller; rewrite <- negative, F2R_minus; case Rlt_bool_spec; intros H; symmetry.
  - apply Rlt_bool_true; lra.
  - apply Rlt_bool_false; lra.
Qed.

Definition saturated (m x : number) : number :=
  if smaller m x then m else if smaller x (Fopp m) then Fopp m else x.

Lemma saturated_correct m x : 0 <= F2R m -> F2R (saturated m x) = saturate (F2R m) (F2R x).
Proof.
  intros M; unfold saturated, saturate; rewrite !smaller_correct, F2R_opp.
  case Rlt_bool_spec; intros H; [rewrite Rmin_left, Rmax_right; lra|].
  rewrite Rmin_right by lra; case Rlt_bool_spec; intros L.
  - rewrite F2R_opp, Rmax_left; lra.
  - rewrite Rmax_right; lra.
Qed.

Definition times (k : Z) (x : number) : number :=
  Float radix2 (significand x) (exponent x + k).

Lemma times_correct k x : F2R (times k x) = F2R x * pow2 k.
Proof. destruct x as [m e]; unfold times, F2R; simpl; rewrite bpow_plus; ring. Qed.

(** * Elements, with their largest finite value as a dyadic number *)

Record executable := Executable { element_of :> element; largest : number }.

Definition faithful (f : executable) : Prop :=
  (0 < prec f)%Z /\ 0 <= max_finite f /\ F2R (largest f) = max_finite f.

Definition run_e2m1 := Executable e2m1 (Float radix2 3 1).
Definition run_e2m3 := Executable e2m3 (Float radix2 15 (-1)).
Definition run_e3m2 := Executable e3m2 (Float radix2 7 2).
Definition run_e4m3 := Executable e4m3 (Float radix2 7 6).
Definition run_e5m2 := Executable e5m2 (Float radix2 7 13).
Definition formats := [run_e2m1; run_e2m3; run_e3m2; run_e4m3; run_e5m2].

Lemma formats_faithful f : In f formats -> faithful f.
Proof.
  intros [<- | [<- | [<- | [<- | [<- | []]]]]]; unfold faithful, F2R; simpl;
    repeat split; lia || lra.
Qed.

Definition cast (f : executable) (x : number) : number :=
  saturated (largest f) (run_binary (emin f) (prec f) x).

Theorem cast_correct f x :
  faithful f -> F2R (cast f x) = saturate (max_finite f) (binary (emin f) (prec f) (F2R x)).
Proof.
  intros (P & M & L); unfold cast.
  now rewrite saturated_correct, run_binary_correct, L by (exact P || rewrite L; exact M).
Qed.

(** * Decomposition *)

Definition scale_exponent (f : element) (k : Z) : Z := Z.max (-127) (k - emax f).

Definition run_digit (f : executable) (k : Z) (x : number) : number :=
  cast f (times (- scale_exponent f k) x).
Definition run_left (f : executable) (k : Z) (x : number) : number :=
  Fminus x (times (scale_exponent f k) (run_digit f k x)).

(** The digits, and what is left. *)
Fixpoint run (fs : list executable) (k : Z) (x : number) : list number * number :=
  match fs with
  | [] => ([], x)
  | f :: fs => let (digits, left) := run fs (next f k) (run_left f k x) in
               (run_digit f k x :: digits, left)
  end.

Fixpoint digits_of (fs : list element) (k : Z) (x : R) : list R :=
  match fs with
  | [] => []
  | f :: fs => saturate (max_finite f) (digit f k x) :: digits_of fs (next f k) (x - term f k x)
  end.

Lemma run_digit_correct f k x :
  faithful f -> F2R (run_digit f k x) = saturate (max_finite f) (digit f k (F2R x)).
Proof.
  intros F; unfold run_digit; rewrite cast_correct, times_correct by exact F.
  unfold digit, scale, scale_exponent; now rewrite bpow_opp.
Qed.

Theorem run_correct fs k x :
  Forall faithful fs ->
  F2R (snd (run fs k x)) = remainder (map element_of fs) k (F2R x) /\
  map F2R (fst (run fs k x)) = digits_of (map element_of fs) k (F2R x).
Proof.
  intros H; revert k x; induction H as [|f fs F _ IH]; intros k x; [now split|].
  specialize (IH (next f k) (run_left f k x)); cbn [run remainder digits_of map].
  replace (F2R x - term f k (F2R x)) with (F2R (run_left f k x)).
  - destruct run as [digits left]; destruct IH as [<- <-]; cbn [fst snd map].
    now rewrite run_digit_correct.
  - unfold run_left, term; rewrite F2R_minus, times_correct, run_digit_correct by exact F.
    unfold scale; fold (scale_exponent f k); ring.
Qed.

(** * A truncating matrix unit *)

Definition run_truncated (k : Z) : number -> number := rounded (FIX_exp k) toward_zero.
Definition run_result (r : Z) : number -> number := rounded (FLT_exp (-126 - r) (r + 1)) toward_zero.
Definition run_sum : list number -> number := fold_right (fun x s => Fplus x s) (Float radix2 0 0).

(** One step: the accumulator c and the products ps, aligned to 2^e. *)
Definition run_step (f r e : Z) (c : number) (ps : list number) : number :=
  run_result r (run_sum (map (run_truncated (e - f)) (c :: ps))).

Lemma run_truncated_correct k x : F2R (run_truncated k x) = truncated (pow2 k) (F2R x).
Proof.
  unfold run_truncated; rewrite (rounded_correct _ _ Ztrunc) by exact inbetween_int_ZR_sign.
  unfold truncated, round, scaled_mantissa, cexp, FIX_exp, F2R; simpl.
  rewrite bpow_opp; apply Rmult_comm.
Qed.

Lemma run_result_correct r x : (0 < r)%Z -> F2R (run_result r x) = result r (F2R x).
Proof.
  intros H; assert (P : Prec_gt_0 (r + 1)) by (unfold Prec_gt_0; lia).
  apply rounded_correct; auto with typeclass_instances; exact inbetween_int_ZR_sign.
Qed.

Lemma run_sum_correct xs : F2R (run_sum xs) = sum (map F2R xs).
Proof.
  induction xs as [|x xs IH]; simpl; [apply F2R_0 | now rewrite F2R_plus, IH].
Qed.

(** The step of theorem gemm's [steps]. *)
Theorem run_step_correct f r e c ps :
  (0 < r)%Z ->
  F2R (run_step f r e c ps) =
    result r (sum (map (truncated (pow2 (e - f))) (F2R c :: map F2R ps))).
Proof.
  intros H; unfold run_step; rewrite run_result_correct, run_sum_correct by exact H.
  change (F2R c :: map F2R ps) with (map F2R (c :: ps)); rewrite !map_map.
  do 2 f_equal; apply map_ext; intros x; apply run_truncated_correct.
Qed.

(** ** What it aligns to: the largest power among the products and c *)

(** A factor and the least exponent of its format's normal numbers, to which it counts at least. *)
Definition operand := (number * Z)%type.

Definition run_product (p : operand * operand) : number := Fmult (fst (fst p)) (fst (snd p)).

(** The exponent of the leading bit. *)
Definition binade (x : number) : Z := Z.log2 (Z.abs (significand x)) + exponent x.
Definition power (x : operand) : Z := Z.max (snd x) (binade (fst x)).

(** Zeros have an exponent of their own. *)
Definition unless_zero (zero : Z) (x : number) (e : Z) : Z := if (significand x =? 0)%Z then zero else e.

Definition run_aligned (zero : Z) (c : number) (ps : list (operand * operand)) : Z :=
  fold_right
    (fun p e => Z.max (unless_zero zero (run_product p) (power (fst p) + power (snd p))) e)
    (unless_zero zero c (Z.max (-126) (binade c))) ps.

Definition run_group (zero f r : Z) (c : number) (ps : list (operand * operand)) : number :=
  run_step f r (run_aligned zero c ps) c (map run_product ps).

(** Groups one after the other, from zero. *)
Definition run_unit (zero f r : Z) : list (list (operand * operand)) -> number :=
  fun groups => fold_left (run_group zero f r) groups (Float radix2 0 0).

Lemma binade_correct x : significand x <> 0%Z -> pow2 (binade x) <= Rabs (F2R x).
Proof.
  destruct x as [m e]; simpl; intros N; unfold binade; simpl.
  rewrite <- F2R_Zabs, bpow_plus; unfold F2R; simpl; apply Rmult_le_compat_r; [apply bpow_ge_0|].
  assert (M : (0 < Z.abs m)%Z) by lia; destruct (Z.log2_spec _ M) as [L _].
  rewrite <- (IZR_Zpower radix2) by apply Z.log2_nonneg; now apply IZR_le.
Qed.

Lemma power_correct (x : operand) :
  significand (fst x) <> 0%Z -> pow2 (power x) <= Rabs (F2R (fst x)) + pow2 (snd x).
Proof.
  intros N; unfold power; assert (B := binade_correct _ N); assert (P := bpow_gt_0 radix2 (snd x)).
  assert (A := Rabs_pos (F2R (fst x))); destruct (Z.max_spec (snd x) (binade (fst x))) as [[_ ->] | [_ ->]]; lra.
Qed.

Lemma run_product_correct p : F2R (run_product p) = F2R (fst (fst p)) * F2R (fst (snd p)).
Proof. apply F2R_mult. Qed.

(** A product, and what it counts with: as if both factors had their least power besides. *)
Definition counts (p : operand * operand) : R * R :=
  (F2R (run_product p),
   (Rabs (F2R (fst (fst p))) + pow2 (snd (fst p))) * (Rabs (F2R (fst (snd p))) + pow2 (snd (snd p)))).

Lemma counts_at_least p : Rabs (fst (counts p)) <= snd (counts p).
Proof.
  unfold counts; cbn [fst snd]; rewrite run_product_correct, Rabs_mult.
  assert (P := bpow_ge_0 radix2 (snd (fst p))); assert (Q := bpow_ge_0 radix2 (snd (snd p))).
  apply Rmult_le_compat; try apply Rabs_pos; lra.
Qed.

(** The power is at most what is counted, or the least of binary32. *)
Lemma run_aligned_correct zero c ps :
  (zero <= -126)%Z ->
  pow2 (run_aligned zero c ps) <=
    Rmax (pow2 (-126)) (Rabs (F2R c) + sum (map snd (map counts ps))).
Proof.
  intros Z0; assert (Low : forall a, pow2 zero <= Rmax (pow2 (-126)) a).
  { intros a; apply Rle_trans with (2 := Rmax_l _ _), bpow_le, Z0. }
  induction ps as [|p ps IH]; cbn [run_aligned fold_right map].
  - change (sum []) with 0; rewrite Rplus_0_r; unfold unless_zero.
    case Z.eqb_spec; intros N; [apply Low|].
    assert (B := binade_correct _ N).
    destruct (Z.max_spec (-126) (binade c)) as [[_ ->] | [_ ->]];
      [apply Rle_trans with (1 := B), Rmax_r | apply Rmax_l].
  - change (sum (snd (counts p) :: map snd (map counts ps))) with
      (snd (counts p) + sum (map snd (map counts ps))).
    assert (S : 0 <= sum (map snd (map counts ps))).
    { clear; induction ps as [|q ps IH]; [simpl; lra|].
      assert (C := counts_at_least q); assert (A := Rabs_pos (fst (counts q))).
      change (0 <= snd (counts q) + sum (map snd (map counts ps))); lra. }
    assert (C := counts_at_least p); assert (A := Rabs_pos (fst (counts p))).
    assert (Ac := Rabs_pos (F2R c)).
    fold (run_aligned zero c ps).
    match goal with |- pow2 (Z.max ?e _) <= _ =>
      destruct (Z.max_spec e (run_aligned zero c ps)) as [[_ ->] | [_ ->]] end.
    + apply Rle_trans with (1 := IH), Rle_max_compat_l; lra.
    + unfold unless_zero; case Z.eqb_spec; intros N; [apply Low|].
      apply Rle_trans with (2 := Rmax_r _ _).
      assert (Q : pow2 (power (fst p) + power (snd p)) <= snd (counts p)).
      { rewrite bpow_plus; unfold counts; cbn [fst snd].
        apply Rmult_le_compat; try apply bpow_ge_0; apply power_correct; intros E; apply N;
          unfold run_product; destruct p as [[[m e] a] [[m' e'] b]]; simpl in *; rewrite E; lia. }
      lra.
Qed.
