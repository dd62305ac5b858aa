(** Root mean square errors: integrals of a piecewise rational function, cell by cell. *)

From Coquelicot Require Import Coquelicot.
From Interval Require Import Tactic.
From Msdnum Require Import Decomposition.
Open Scope R_scope.

(** * Cells *)

(** The open interval from [a] to the first right end is left [x - v] there, and so on. *)
Fixpoint tiled (left : R -> R) (a : R) (cells : list (R * R)) : Prop :=
  match cells with
  | [] => True
  | (v, b) :: cells => a <= b /\ (forall x, a < x < b -> left x = x - v) /\ tiled left b cells
  end.

Fixpoint right_end (a : R) (cells : list (R * R)) : R :=
  match cells with [] => a | (_, b) :: cells => right_end b cells end.

(** The sum over the cells of what a primitive grows by. *)
Fixpoint growth (primitive : R -> R -> R) (a : R) (cells : list (R * R)) : R :=
  match cells with
  | [] => 0
  | (v, b) :: cells => primitive v b - primitive v a + growth primitive b cells
  end.

Lemma right_end_le left a cells : tiled left a cells -> a <= right_end a cells.
Proof.
  revert a; induction cells as [| [v b] cells IH]; simpl; intros a H; [lra|].
  destruct H as (Hab & _ & H); apply IH in H; lra.
Qed.

(** An integral of a function of x and of the value of its cell. *)
Lemma integral_over_cells (low : R) (left : R -> R) (f F : R -> R -> R) a cells :
  (forall v x, low <= x -> is_derive (F v) x (f v x) /\ continuous (f v) x) ->
  low <= a -> tiled left a cells ->
  is_RInt (fun x => f (x - left x) x) a (right_end a cells) (growth F a cells).
Proof.
  intros HF; revert a; induction cells as [| [v b] cells IH]; simpl; intros a Ha H.
  - apply (is_RInt_point (V := R_NormedModule)).
  - destruct H as (Hab & Hv & H).
    apply (is_RInt_Chasles (V := R_NormedModule)) with b; [| apply IH; [lra | exact H]].
    apply is_RInt_ext with (f v).
    { rewrite Rmin_left, Rmax_right by lra; intros x Hx; rewrite Hv by exact Hx; f_equal; lra. }
    apply (is_RInt_derive (V := R_CompleteNormedModule) (F v) (f v)); intros x;
      rewrite Rmin_left, Rmax_right by lra; intros Hx; apply HF; lra.
Qed.

(** * Relative error, x log-uniform: density 1/(x ln 2) on one binade *)

Definition relative (v x : R) : R := 2 * v / x - v ^ 2 / (2 * x ^ 2).

Lemma ln_2_pos : 0 < ln 2.
Proof. rewrite <- ln_1; apply ln_increasing; lra. Qed.

(** The logarithms of adjacent cells telescope. *)
Lemma growth_relative left a cells :
  0 < a -> tiled left a cells ->
  growth (fun v x => (ln x + relative v x) / ln 2) a cells
    = ln (right_end a cells / a) / ln 2 + growth relative a cells / ln 2.
Proof.
  assert (L := ln_2_pos).
  revert a; induction cells as [| [v b] cells IH]; simpl; intros a Ha H.
  - replace (a / a) with 1 by (field; lra); rewrite ln_1; field; lra.
  - destruct H as (Hab & _ & H); rewrite IH by (assumption || lra).
    assert (E := right_end_le _ _ _ H).
    rewrite !ln_div by lra; field; lra.
Qed.

Theorem rms_relative left a cells :
  0 < a -> tiled left a cells -> right_end a cells = 2 * a ->
  is_RInt (fun x => (left x / x) ^ 2 / (x * ln 2)) a (2 * a)
    (1 + growth relative a cells / ln 2).
Proof.
  intros Ha H E; assert (L := ln_2_pos).
  replace (1 + _) with (growth (fun v x => (ln x + relative v x) / ln 2) a cells).
  - rewrite <- E.
    apply is_RInt_ext with (fun x => (fun v x => ((x - v) / x) ^ 2 / (x * ln 2)) (x - left x) x).
    { intros x _; do 3 f_equal; lra. }
    apply (integral_over_cells a left (fun v x => ((x - v) / x) ^ 2 / (x * ln 2))
      (fun v x => (ln x + relative v x) / ln 2)); [| lra | exact H].
    intros v x Hx.
    assert (Nx : x <> 0) by lra; assert (Nxx : 2 * (x * (x * 1)) <> 0).
    { rewrite Rmult_1_r; repeat apply Rmult_integral_contrapositive_currified; lra. }
    assert (Nxl : x * ln 2 <> 0) by (apply Rmult_integral_contrapositive_currified; lra).
    split.
    + unfold relative; auto_derive; [repeat split; lra | field; repeat split; lra].
    + apply (ex_derive_continuous (V := R_NormedModule)); auto_derive; repeat split; lra.
  - rewrite (growth_relative left) by assumption; rewrite E.
    replace (2 * a / a) with 2 by (field; lra); field; lra.
Qed.

(** * Absolute error, x uniform *)

Definition cube (v x : R) : R := (x - v) ^ 3 / 3.

Theorem rms_uniform left a cells :
  tiled left a cells ->
  is_RInt (fun x => left x ^ 2) a (right_end a cells) (growth cube a cells).
Proof.
  intros H.
  apply is_RInt_ext with (fun x => (fun v x => (x - v) ^ 2) (x - left x) x).
  { intros x _; f_equal; lra. }
  apply (integral_over_cells a left (fun v x => (x - v) ^ 2) cube); [| lra | exact H].
  intros v x _; split.
  - unfold cube; auto_derive; [exact I | field].
  - apply (ex_derive_continuous (V := R_NormedModule)); auto_derive; exact I.
Qed.

(** * Cells of a decomposition *)

(** Where a pass rounds to [m] units in the last place, [e] their exponent. *)
Lemma term_on_cell f k s x (m e : Z) (q := IZR m * pow2 e) :
  well_formed f -> scale f k = s -> (emin f <= e)%Z ->
  e = emin f \/ pow2 (e + prec f - 1) * s <= Rabs x -> Rabs x < pow2 (e + prec f) * s ->
  Rabs (x - q * s) < pow2 e / 2 * s -> Rabs q <= max_finite f -> term f k x = q * s.
Proof.
  intros (Hp & _) <- He Hn Hx Hq Hm; unfold term, digit; rewrite Rmult_comm.
  assert (P : Prec_gt_0 (prec f)) by (red; lia).
  assert (Ps := scale_pos f k); assert (Pe := bpow_gt_0 radix2 e); set (s := scale f k) in *.
  assert (T : forall y, Rabs (y / s) = Rabs y / s).
  { intros y; unfold Rdiv; rewrite Rabs_mult, Rabs_inv, (Rabs_pos_eq s) by lra; reflexivity. }
  assert (Hn' : e = emin f \/ pow2 (e + prec f - 1) <= Rabs (x / s)).
  { destruct Hn as [Hn | Hn]; [now left | right]; rewrite T.
    apply Rmult_le_reg_r with s; [lra|].
    replace (Rabs x / s * s) with (Rabs x) by (field; lra); lra. }
  assert (Ht : Rabs (x / s) < pow2 (e + prec f)).
  { rewrite T; apply Rmult_lt_reg_r with s; [lra|].
    replace (Rabs x / s * s) with (Rabs x) by (field; lra); lra. }
  assert (M : ZnearestE (x / s * pow2 (- e)) = m).
  { apply Znearest_imp; unfold q in Hq.
    replace (x / s * pow2 (- e) - IZR m) with ((x - IZR m * pow2 e * s) / (pow2 e * s))
      by (rewrite bpow_opp; field; lra).
    assert (Pes : 0 < pow2 e * s) by (apply Rmult_lt_0_compat; lra).
    unfold Rdiv; rewrite Rabs_mult, Rabs_inv, (Rabs_pos_eq (pow2 e * s)) by lra.
    apply Rmult_lt_reg_r with (1 := Pes); rewrite Rmult_assoc, Rinv_l by lra; lra. }
  f_equal; rewrite <- (saturate_id (max_finite f) q) by exact Hm; f_equal.
  unfold binary, round, scaled_mantissa, F2R; simpl.
  destruct (Req_dec (x / s) 0) as [Z | Nt].
  { rewrite Z, Rmult_0_l in M |- *; unfold q; rewrite <- M.
    rewrite Znearest_imp with (n := 0%Z); [ring |]; rewrite Rminus_0_r, Rabs_R0; lra. }
  replace (cexp radix2 (FLT_exp (emin f) (prec f)) (x / s)) with e.
  { now rewrite M. }
  assert (U := mag_le_bpow radix2 _ _ Nt Ht); unfold cexp, FLT_exp.
  destruct Hn' as [-> | Hn']; [lia |].
  assert (B := mag_gt_bpow radix2 _ _ Hn'); lia.
Qed.

(** ** A run of neighbours [m], ..., [m + n] of one spacing [q], from the first to the last *)

Fixpoint run (q : R) (m : Z) (n : nat) : list (R * R) :=
  match n with
  | O => [(IZR m * q, IZR m * q)]
  | S n => (IZR m * q, (IZR m + / 2) * q) :: run q (m + 1) n
  end.

Lemma right_end_run q m n a : right_end a (run q m n) = (IZR m + INR n) * q.
Proof.
  revert m a; induction n as [| n IH]; intros m a; [simpl; ring|].
  change (right_end a (run q m (S n))) with (right_end ((IZR m + / 2) * q) (run q (m + 1) n)).
  rewrite IH, plus_IZR, S_INR; ring.
Qed.

(** [q] is the spacing of the numbers between [2^(prec - 1) q] and [2^prec q], or below if it is
    that of the subnormals. *)
Definition spacing f k (q : R) (subnormal : Prop) : Prop :=
  exists e : Z,
    (emin f <= e <= emax f - prec f)%Z /\ q = pow2 e * scale f k /\ (subnormal -> e = emin f).

Definition within f (q : R) (subnormal : Prop) (a b : R) : Prop :=
  - pow2 (prec f) * q <= a /\ b <= pow2 (prec f) * q /\
  (subnormal \/ pow2 (prec f - 1) * q <= a \/ b <= - pow2 (prec f - 1) * q).

Lemma one_cell f k q subnormal (m : Z) a b x :
  well_formed f -> spacing f k q subnormal -> within f q subnormal a b ->
  Rabs (IZR m) <= pow2 (prec f) -> a < x < b -> (IZR m - / 2) * q < x < (IZR m + / 2) * q ->
  remainder [f] k x = x - IZR m * q.
Proof.
  intros Hf (e & He & -> & Hs) (Ha & Hb & Hn) Hm Hx Hq; simpl; f_equal.
  assert (Ps := scale_pos f k); set (s := scale f k) in *; assert (Pe := bpow_gt_0 radix2 e).
  assert (Pq : 0 < pow2 e * s) by (apply Rmult_lt_0_compat; lra); set (q := pow2 e * s) in *.
  assert (Pn : 0 < pow2 (prec f - 1) * q) by (apply Rmult_lt_0_compat; [apply bpow_gt_0 | lra]).
  replace (IZR m * q) with (IZR m * pow2 e * s) by (unfold q; ring).
  apply term_on_cell; try assumption; try reflexivity; try lia.
  - replace (pow2 (e + prec f - 1) * s) with (pow2 (prec f - 1) * q).
    + destruct Hn as [Hn | Hn]; [left; auto | right].
      unfold Rabs; destruct Rcase_abs; lra.
    + unfold q; rewrite <- Z.add_sub_assoc, (bpow_plus radix2 e); ring.
  - rewrite bpow_plus.
    replace (pow2 e * pow2 (prec f) * s) with (pow2 (prec f) * q) by (unfold q; ring).
    apply Rabs_lt; lra.
  - replace (IZR m * pow2 e * s) with (IZR m * q) by (unfold q; ring).
    replace (pow2 e / 2 * s) with (/ 2 * q) by (unfold q; field); apply Rabs_lt; lra.
  - destruct Hf as (_ & _ & _ & Hmax); apply Rle_trans with (2 := Hmax).
    rewrite Rabs_mult, (Rabs_pos_eq (pow2 e)) by lra.
    apply Rle_trans with (pow2 (prec f) * pow2 e); [apply Rmult_le_compat_r; lra|].
    rewrite <- bpow_plus; apply bpow_le; lia.
Qed.

Lemma tiled_run f k q subnormal m n a :
  well_formed f -> spacing f k q subnormal -> within f q subnormal a ((IZR m + INR n) * q) ->
  - pow2 (prec f) <= IZR m -> IZR m + INR n <= pow2 (prec f) ->
  (IZR m - / 2) * q <= a <= IZR m * q ->
  tiled (remainder [f] k) a (run q m n).
Proof.
  intros Hf Hq.
  assert (Pq : 0 < q).
  { destruct Hq as (e & _ & -> & _); apply Rmult_lt_0_compat; [apply bpow_gt_0 | apply scale_pos]. }
  revert m a; induction n as [| n IH]; intros m a W L H Ha.
  - simpl in W, H |- *; rewrite Rplus_0_r in W, H; repeat split; [lra |].
    intros x Hx; apply one_cell with (1 := Hf) (2 := Hq) (3 := W); try lra.
    apply Rabs_le; lra.
  - rewrite S_INR in W, H; assert (Pn := pos_INR n).
    assert (Pnq : 0 <= INR n * q) by (apply Rmult_le_pos; lra).
    simpl; repeat split; [lra | |].
    + intros x Hx; apply one_cell with (1 := Hf) (2 := Hq) (3 := W); try lra.
      apply Rabs_le; lra.
    + rewrite <- (Rplus_comm 1), <- Rplus_assoc, <- plus_IZR in W, H.
      apply IH; rewrite ?plus_IZR in *; try lra.
      destruct W as (W1 & W2 & W3); repeat split; [lra | lra |].
      destruct W3 as [W3 | [W3 | W3]]; [now left | right; left; lra | right; right; lra].
Qed.

(** * Cells that compute: all positions are whole numbers of units, each 2^-U *)

Section Units.

Variable U : Z.

Definition real (z : Z) : R := IZR z * pow2 (- U).

(** The spacing of numbers of exponent [e], in units. *)
Definition step_exponent f k e : Z := (e + Z.max (-127) (k - emax f) + U)%Z.
Definition step f k e : Z := (2 ^ step_exponent f k e)%Z.

(** Between [a] and [b] the passes have these digits: [m] times 2^[e], each. *)
Fixpoint fits (fs : list element) (k : Z) (digits : list (Z * Z)) (a b : Z) : bool :=
  match fs, digits with
  | [], [] => true
  | f :: fs, (m, e) :: digits =>
      let h := step f k e in
      let low := (2 ^ (prec f - 1) * h)%Z in
      let high := (2 ^ prec f * h)%Z in
      ((0 <=? step_exponent f k e) && (emin f <=? e) && (e <=? emax f - prec f)
       && (Z.abs m <=? 2 ^ prec f) && (- high <=? a) && (b <=? high)
       && ((e =? emin f) || (low <=? a) || (b <=? - low))
       && ((2 * m - 1) * h <=? 2 * a) && (2 * b <=? (2 * m + 1) * h)
       && fits fs (next f k) digits (a - m * h) (b - m * h))%Z
  | _, _ => false
  end.

Fixpoint value (fs : list element) (k : Z) (digits : list (Z * Z)) : Z :=
  match fs, digits with
  | f :: fs, (m, e) :: digits => (m * step f k e + value fs (next f k) digits)%Z
  | _, _ => 0%Z
  end.

Lemma real_minus a b : real (a - b) = real a - real b.
Proof. unfold real; rewrite minus_IZR; ring. Qed.

Lemma real_plus a b : real (a + b) = real a + real b.
Proof. unfold real; rewrite plus_IZR; ring. Qed.

Lemma real_le a b : (a <= b)%Z -> real a <= real b.
Proof. intros H; apply Rmult_le_compat_r; [apply bpow_ge_0 | now apply IZR_le]. Qed.

Lemma real_times m a : real (m * a) = IZR m * real a.
Proof. unfold real; rewrite mult_IZR; ring. Qed.

Lemma IZR_2_power n : (0 <= n)%Z -> IZR (2 ^ n) = pow2 n.
Proof. intros H; exact (IZR_Zpower radix2 n H). Qed.

Lemma real_step f k e : (0 <= step_exponent f k e)%Z -> real (step f k e) = pow2 e * scale f k.
Proof.
  intros H; unfold real, step; rewrite IZR_2_power by exact H; unfold step_exponent, scale.
  rewrite <- !bpow_plus; f_equal; ring.
Qed.

Ltac booleans := repeat match goal with
  | H : (_ <=? _)%Z = true |- _ => apply Zle_bool_imp_le in H
  end.

Lemma fits_correct fs k digits a b x :
  Forall well_formed fs -> fits fs k digits a b = true -> real a < x < real b ->
  remainder fs k x = x - real (value fs k digits).
Proof.
  intros W; revert k digits a b x; induction W as [| f fs Wf W IH]; intros k digits a b x H Hx;
    destruct digits as [| [m e] digits]; try discriminate H.
  - simpl; unfold real; rewrite Rmult_0_l; ring.
  - cbn [fits] in H; cbv zeta in H; repeat apply andb_prop in H as [H ?]; booleans.
    rename H into N0, H8 into N1, H7 into N2, H6 into N3, H5 into N4, H4 into N5, H3 into N6,
      H2 into N7, H1 into N8, H0 into Hrest.
    assert (Wf' := Wf); destruct Wf' as ((Hp & _) & _).
    assert (Eh := real_step f k e N0); set (h := step f k e) in *.
    assert (Ep : forall n z, (0 <= n)%Z -> real (2 ^ n * z) = pow2 n * real z).
    { intros n z Hn; now rewrite real_times, IZR_2_power. }
    assert (Eo : forall z, real (- z) = - real z).
    { intros z; unfold real; rewrite opp_IZR; ring. }
    apply real_le in N4, N5, N7, N8; rewrite Eo, Ep in N4 by lia; rewrite Ep in N5 by lia.
    rewrite !real_times, minus_IZR, mult_IZR in N7; rewrite !real_times, plus_IZR, mult_IZR in N8.
    assert (T : remainder [f] k x = x - IZR m * real h).
    { apply one_cell with (subnormal := (e = emin f)) (a := real a) (b := real b); try assumption.
      - exists e; repeat split; [lia | lia | exact Eh | auto].
      - repeat split; [lra | lra |].
        repeat apply Bool.orb_true_iff in N6 as [N6 | N6].
        + left; now apply Z.eqb_eq.
        + apply Zle_bool_imp_le, real_le in N6; rewrite Ep in N6 by lia; right; left; lra.
        + apply Zle_bool_imp_le, real_le in N6; rewrite Eo, Ep in N6 by lia; right; right; lra.
      - rewrite <- abs_IZR, <- IZR_2_power by lia; now apply IZR_le.
      - lra. }
    simpl in T; simpl remainder; rewrite T, IH with (1 := Hrest); cbn [value]; fold h;
      rewrite ?real_plus, ?real_minus, ?real_times; lra.
Qed.

(** Cells with their digits and right ends, from [a] on. *)
Notation digit_cells := (list (list (Z * Z) * Z)).

Fixpoint valid (fs : list element) (k a : Z) (cells : digit_cells) : bool :=
  match cells with
  | [] => true
  | (digits, b) :: cells => ((a <=? b)%Z && fits fs k digits a b && valid fs k b cells)%bool
  end.

Definition whole_cells fs k (cells : digit_cells) : list (Z * Z) :=
  map (fun '(digits, b) => (value fs k digits, b)) cells.
Definition real_cells fs k (cells : digit_cells) : list (R * R) :=
  map (fun '(v, b) => (real v, real b)) (whole_cells fs k cells).

Fixpoint last_end (a : Z) (cells : digit_cells) : Z :=
  match cells with [] => a | (_, b) :: cells => last_end b cells end.

Lemma valid_tiled fs k a cells :
  Forall well_formed fs -> valid fs k a cells = true ->
  tiled (remainder fs k) (real a) (real_cells fs k cells).
Proof.
  intros W; revert a; induction cells as [| [digits b] cells IH]; intros a H; [exact I|].
  cbn [valid] in H; apply andb_prop in H as [H Hv]; apply andb_prop in H as [Hab Hf].
  apply Zle_bool_imp_le in Hab; repeat split; [now apply real_le | | now apply IH].
  intros x Hx; now apply fits_correct with (2 := Hf).
Qed.

Lemma right_end_real fs k a cells :
  right_end (real a) (real_cells fs k cells) = real (last_end a cells).
Proof.
  revert a; induction cells as [| [digits b] cells IH]; simpl; intros a; [reflexivity | apply IH].
Qed.

(** ** What the primitives grow by: to 2^-60 for each end, or exactly *)

Definition quotient (v x : Z) : Z := ((4 * v * x - v * v) * 2 ^ 60 / (2 * x * x))%Z.

Fixpoint rounded_growth fs k (a : Z) (cells : digit_cells) : Z :=
  match cells with
  | [] => 0%Z
  | (digits, b) :: cells =>
      let v := value fs k digits in
      (quotient v b - quotient v a + rounded_growth fs k b cells)%Z
  end.

Lemma quotient_correct v x :
  (0 < x)%Z -> IZR (quotient v x) <= relative (real v) (real x) * pow2 60 <= IZR (quotient v x) + 1.
Proof.
  intros Hx; unfold quotient; set (n := ((4 * v * x - v * v) * 2 ^ 60)%Z).
  set (d := (2 * x * x)%Z); assert (Hd : (0 < d)%Z) by (unfold d; nia).
  assert (E : relative (real v) (real x) * pow2 60 = IZR n / IZR d).
  { unfold relative, real, n, d; rewrite !mult_IZR, minus_IZR, !mult_IZR, IZR_2_power by lia.
    assert (0 < IZR x) by now apply IZR_lt.
    assert (Pu := bpow_gt_0 radix2 (- U)); field; repeat split; lra. }
  rewrite E; assert (D := Z.div_mod n d ltac:(lia)); assert (M := Z.mod_pos_bound n d Hd).
  assert (Pd : 0 < IZR d) by now apply IZR_lt.
  rewrite <- plus_IZR; split; apply Rmult_le_reg_r with (1 := Pd);
    unfold Rdiv; rewrite Rmult_assoc, Rinv_l, Rmult_1_r, <- mult_IZR by lra; apply IZR_le; nia.
Qed.

Lemma rounded_growth_correct fs k a cells :
  (0 < a)%Z -> valid fs k a cells = true ->
  Rabs (growth relative (real a) (real_cells fs k cells) * pow2 60
        - IZR (rounded_growth fs k a cells)) <= INR (length cells).
Proof.
  revert a; induction cells as [| [digits b] cells IH]; intros a Ha H.
  - simpl; rewrite Rmult_0_l, Rminus_0_r, Rabs_R0; lra.
  - cbn [valid] in H; apply andb_prop in H as [H Hv]; apply andb_prop in H as [Hab _].
    apply Zle_bool_imp_le in Hab; assert (I := IH b ltac:(lia) Hv).
    cbn [real_cells whole_cells map growth rounded_growth length]; set (v := value fs k digits).
    assert (Qa := quotient_correct v a Ha); assert (Qb := quotient_correct v b ltac:(lia)).
    rewrite S_INR, plus_IZR, minus_IZR; unfold real_cells, whole_cells in I.
    apply Rabs_le_inv in I; apply Rabs_le; lra.
Qed.

Fixpoint cubes fs k (a : Z) (cells : digit_cells) : Z :=
  match cells with
  | [] => 0%Z
  | (digits, b) :: cells =>
      let v := value fs k digits in
      let cube x := ((x - v) * (x - v) * (x - v))%Z in (cube b - cube a + cubes fs k b cells)%Z
  end.

Lemma cubes_correct fs k a cells :
  growth cube (real a) (real_cells fs k cells) = IZR (cubes fs k a cells) / 3 * pow2 (- U) ^ 3.
Proof.
  revert a; induction cells as [| [digits b] cells IH]; intros a;
    cbn [real_cells whole_cells map growth cubes].
  - simpl; lra.
  - unfold real_cells, whole_cells in IH; rewrite IH, plus_IZR, minus_IZR, !mult_IZR, !minus_IZR.
    unfold cube, real; field.
Qed.

(** ** The cells between [a] and [b], by the digits of each pass in their order. What they are is
    proved by [valid]. *)

Definition from_to (m n : Z) : list Z :=
  map (fun i => m + Z.of_nat i)%Z (seq 0 (Z.to_nat (n - m + 1))).

Definition digits_of f : list (Z * Z) :=
  let high := (2 ^ prec f)%Z in
  let low := (2 ^ (prec f - 1))%Z in
  let normal := from_to (emin f + 1) (emax f - prec f) in
  let up := flat_map (fun e => map (fun m => (m, e)) (from_to low high)) normal in
  rev (map (fun '(m, e) => (- m, e)%Z) up)
  ++ map (fun m => (m, emin f)) (from_to (- high) high) ++ up.

Fixpoint cells_of (fs : list element) (k a b : Z) : digit_cells :=
  match fs with
  | [] => [([], b)]
  | f :: fs =>
      let cell '(m, e) :=
        let h := step f k e in
        let high := (2 ^ prec f * h)%Z in
        let low := (2 ^ (prec f - 1) * h)%Z in
        let subnormal := (e =? emin f)%Z in
        let left := if (negb subnormal && (0 <? m))%Z%bool then low else (- high)%Z in
        let right := if (subnormal || (0 <? m))%Z%bool then high else (- low)%Z in
        let a := Z.max a (Z.max left ((2 * m - 1) * h / 2)) in
        let b := Z.min b (Z.min right ((2 * m + 1) * h / 2)) in
        if (a <? b)%Z then
          map (fun '(digits, c) => ((m, e) :: digits, (c + m * h)%Z))
            (cells_of fs (next f k) (a - m * h) (b - m * h))
        else []
      in flat_map cell (digits_of f)
  end.

End Units.

(** * The means *)

(** Of (error / x)^2, x log-uniform in (a, 2a], and of error^2, x uniform in [0, 1]; alpha is 1. *)
Definition relative_mean (fs : list element) (a mean : R) : Prop :=
  is_RInt (fun x => (remainder fs 0 x / x) ^ 2 / (x * ln 2)) a (2 * a) mean.
Definition uniform_mean (fs : list element) (mean : R) : Prop :=
  is_RInt (fun x => remainder fs 0 x ^ 2) 0 1 mean.

Definition bits (mean : R) : R := - ln (sqrt mean) / ln 2.
(** Of the uniform quantizer of [-1, 1] with the same error. *)
Definition uniform_bits (mean : R) : R := - ln (sqrt 3 * sqrt mean) / ln 2.

(** [x] is the decimal number [d / 1000], when rounded to three places. *)
Definition rounds_to (x d : R) : Prop := Rabs (x - d / 1000) <= 5 / 10000.

(** ** One pass: the same in every normal binade *)

Lemma growth_run_1 u m n a :
  0 < u -> 0 < a -> 0 < IZR m ->
  growth relative (a * u) (run u m n) = growth relative a (run 1 m n).
Proof.
  intros Hu.
  assert (S : forall v x, 0 < x -> relative (v * u) (x * u) = relative v x).
  { intros v x Hx; unfold relative; field; lra. }
  revert m a; induction n as [| n IH]; intros m a Ha Hm; simpl.
  - rewrite Rmult_1_r, !S by assumption; reflexivity.
  - rewrite !Rmult_1_r, !S by lra; f_equal.
    apply IH; rewrite ?plus_IZR; lra.
Qed.

Theorem one_pass f (e : Z) (n : nat) (u := pow2 e * scale f 0) :
  well_formed f -> (emin f <= e <= emax f - prec f)%Z -> (0 < n)%nat -> INR n = pow2 (prec f - 1) ->
  let N := IZR (Z.of_nat n) in
  relative_mean [f] (N * u) (1 + growth relative N (run 1 (Z.of_nat n) n) / ln 2).
Proof.
  intros Hf He Hn E N; unfold relative_mean, N; rewrite <- INR_IZR_INZ.
  assert (Pu : 0 < u) by (apply Rmult_lt_0_compat; [apply bpow_gt_0 | apply scale_pos]).
  assert (Pn : 0 < INR n) by (apply lt_0_INR; exact Hn).
  assert (D : pow2 (prec f) = 2 * INR n).
  { rewrite E; replace (prec f) with (1 + (prec f - 1))%Z at 1 by ring; now rewrite bpow_plus. }
  assert (Pun : 0 < INR n * u) by (apply Rmult_lt_0_compat; lra).
  rewrite <- (growth_run_1 u) by (rewrite <- ?INR_IZR_INZ; lra).
  apply rms_relative; [exact Pun | |].
  - apply tiled_run with (subnormal := False); [exact Hf | | | | |];
      rewrite <- ?INR_IZR_INZ, ?D; try lra.
    + exists e; repeat split; [lia | lia | contradiction].
    + repeat split; rewrite ?D, <- ?E; [lra | lra | right; left; lra].
  - rewrite right_end_run, <- INR_IZR_INZ; ring.
Qed.

Theorem e2m1_sum : growth relative 2 (run 1 2 2) = - (24) / 35.
Proof. unfold relative; simpl; field. Qed.

Theorem e4m3_sum : growth relative 8 (run 1 8 8) = - (21858095488) / 31556720475.
Proof. unfold relative; simpl; field. Qed.

Theorem mxfp8_one_pass (b : Z) :
  (0 <= b <= 13)%Z ->
  exists mean, relative_mean [e4m3] (pow2 (- b - 1)) mean /\ rounds_to (bits mean) 5238.
Proof.
  intros Hb; exists (1 + - (21858095488) / 31556720475 / ln 2); split.
  - rewrite <- e4m3_sum.
    replace (pow2 (- b - 1)) with (8 * (pow2 (4 - b) * scale e4m3 0)).
    + apply (one_pass e4m3 (4 - b) 8).
      * apply e4m3_well_formed.
      * change (-9 <= 4 - b <= 4)%Z; lia.
      * lia.
      * rewrite INR_IZR_INZ; reflexivity.
    + change (scale e4m3 0) with (pow2 (-8)); change 8 with (pow2 3).
      rewrite <- !bpow_plus; f_equal; ring.
  - unfold rounds_to, bits; interval with (i_prec 60).
Qed.

(** ** Means that are computed, cell by cell: all in one number, true or not *)

(** The cells of (a, 2a] are those of the remainder, and what they grow by is in units of 2^-60. *)
Definition bounded_mean U fs (a low high : Z) : bool :=
  let cells := cells_of U fs 0 a (2 * a) in
  let g := rounded_growth U fs 0 a cells in
  let n := Z.of_nat (length cells) in
  ((0 <? a) && valid U fs 0 a cells && (last_end a cells =? 2 * a)
   && (low <=? g - n) && (g + n <=? high))%Z%bool.

Theorem computed_mean U fs (a low high : Z) :
  Forall well_formed fs -> bounded_mean U fs a low high = true ->
  exists g, relative_mean fs (real U a) (1 + g / ln 2) /\
    IZR low / pow2 60 <= g <= IZR high / pow2 60.
Proof.
  unfold bounded_mean; set (cells := cells_of U fs 0 a (2 * a)); cbv zeta; intros W H.
  apply andb_prop in H as [H Hi]; apply andb_prop in H as [H Lo]; apply andb_prop in H as [H E].
  apply andb_prop in H as [Ha V]; apply Z.ltb_lt in Ha; apply Z.eqb_eq in E.
  apply Zle_bool_imp_le, IZR_le in Lo, Hi; rewrite minus_IZR in Lo; rewrite plus_IZR in Hi.
  rewrite <- INR_IZR_INZ in Lo, Hi.
  exists (growth relative (real U a) (real_cells U fs 0 cells)); split.
  - apply rms_relative; [| now apply valid_tiled |].
    + unfold real; apply Rmult_lt_0_compat; [now apply IZR_lt | apply bpow_gt_0].
    + rewrite right_end_real, E, real_times; reflexivity.
  - assert (G := rounded_growth_correct U fs 0 a cells Ha V); apply Rabs_le_inv in G.
    assert (P := bpow_gt_0 radix2 60).
    split; apply Rmult_le_reg_r with (1 := P); unfold Rdiv; rewrite Rmult_assoc, Rinv_l, Rmult_1_r; lra.
Qed.

Definition has_cubes U fs (n : Z) : bool :=
  let cells := cells_of U fs 0 0 (2 ^ U) in
  ((0 <=? U) && valid U fs 0 0 cells && (last_end 0 cells =? 2 ^ U)
   && (cubes U fs 0 0 cells =? n))%Z%bool.

Theorem computed_uniform U fs (n : Z) :
  Forall well_formed fs -> has_cubes U fs n = true ->
  uniform_mean fs (IZR n / IZR (3 * 2 ^ (3 * U))).
Proof.
  unfold has_cubes; set (cells := cells_of U fs 0 0 (2 ^ U)); cbv zeta; intros W H.
  apply andb_prop in H as [H N]; apply andb_prop in H as [H E]; apply andb_prop in H as [HU V].
  apply Zle_bool_imp_le in HU; apply Z.eqb_eq in N, E; subst n; unfold uniform_mean.
  replace (_ / _) with (IZR (cubes U fs 0 0 cells) / 3 * pow2 (- U) ^ 3).
  2: { rewrite mult_IZR, IZR_2_power, bpow_opp by lia.
    replace (3 * U)%Z with (U + U + U)%Z by ring; rewrite !bpow_plus.
    assert (P := bpow_gt_0 radix2 U); field; lra. }
  rewrite <- cubes_correct.
  assert (H := rms_uniform _ _ _ (valid_tiled U fs 0 0 cells W V)).
  rewrite right_end_real, E in H.
  replace (real U (2 ^ U)) with 1 in H; [replace (real U 0) with 0 in H |].
  - unfold real at 1; rewrite Rmult_0_l; exact H.
  - unfold real; ring.
  - unfold real; rewrite IZR_2_power, <- bpow_plus by exact HU; now rewrite Z.add_opp_diag_r.
Qed.

(** Bits in a binade, and the mean and bits of a uniform input, to three decimal places. *)
Definition has_bits (fs : list element) (binade : Z) (d : R) : Prop :=
  exists mean, relative_mean fs (pow2 (- binade - 1)) mean /\ rounds_to (bits mean) d.
Definition has_uniform_bits (fs : list element) (mean d : R) : Prop :=
  uniform_mean fs mean /\ rounds_to (uniform_bits mean) d.

Ltac formats :=
  repeat (apply Forall_cons || apply Forall_nil); repeat split; simpl; lia || lra.
Ltac computed_bits U fs a :=
  let range := eval vm_compute in
    (let cells := cells_of U fs 0 a (2 * a) in
     let g := rounded_growth U fs 0 a cells in
     let n := Z.of_nat (length cells) in (g - n, g + n))%Z in
  match range with (?low, ?high) =>
    destruct (computed_mean U fs a low high) as (g & M & G);
    [formats | vm_compute; reflexivity |];
    exists (1 + g / ln 2); split;
    [match goal with |- relative_mean _ ?x _ => replace x with (real U a) end;
     [exact M | unfold real; simpl; lra]
    | clear M; simpl in G; unfold rounds_to, bits; interval with (i_prec 80)]
  end.
Ltac computed_uniform_bits U fs :=
  let n := eval vm_compute in (cubes U fs 0 0 (cells_of U fs 0 0 (2 ^ U))) in
  let d := eval vm_compute in (3 * 2 ^ (3 * U))%Z in
  split;
  [match goal with |- uniform_mean _ ?x => replace x with (IZR n / IZR d) end;
   [apply (computed_uniform U fs n); [formats | vm_compute; reflexivity] | field]
  | unfold rounds_to, uniform_bits; interval with (i_prec 80)].

(** Binades 2 and 3 of one pass are the subnormals of E2M1. *)
Theorem mxfp4_one_pass (fs := [e2m1]) :
  has_bits fs 0 3272 /\ has_bits fs 1 3272 /\ has_bits fs 2 2355 /\ has_bits fs 3 922.
Proof.
  repeat split;
    [computed_bits 6%Z fs 32%Z | computed_bits 6%Z fs 16%Z | computed_bits 6%Z fs 8%Z
    | computed_bits 6%Z fs 4%Z].
Qed.

Theorem mxfp4_two_passes (fs := [e2m1; e2m1]) :
  has_bits fs 0 6598 /\ has_bits fs 1 6236 /\ has_bits fs 2 5238 /\ has_bits fs 3 4245.
Proof.
  repeat split;
    [computed_bits 9%Z fs 256%Z | computed_bits 9%Z fs 128%Z | computed_bits 9%Z fs 64%Z
    | computed_bits 9%Z fs 32%Z].
Qed.

Theorem mxfp4_three_passes (fs := [e2m1; e2m1; e2m1]) :
  has_bits fs 0 9848 /\ has_bits fs 1 9236 /\ has_bits fs 2 8236 /\ has_bits fs 3 7236.
Proof.
  repeat split;
    [computed_bits 12%Z fs 2048%Z | computed_bits 12%Z fs 1024%Z | computed_bits 12%Z fs 512%Z
    | computed_bits 12%Z fs 256%Z].
Qed.

(** In binade 2 the error of two passes is that of MXFP8, exactly. *)
Theorem mxfp4_two_passes_binade_2 (two := [e2m1; e2m1]) :
  relative_mean two (1 / 8) (1 + growth relative 8 (run 1 8 8) / ln 2).
Proof.
  set (cells := cells_of 9 two 0 64 128).
  replace (growth relative 8 (run 1 8 8))
    with (growth relative (real 9 64) (real_cells 9 two 0 cells)).
  - replace (1 / 8) with (real 9 64) by (unfold real; simpl; lra).
    apply rms_relative; [unfold real; simpl; lra | |].
    + apply valid_tiled; [formats | vm_compute; reflexivity].
    + rewrite right_end_real; replace (last_end 64 cells) with 128%Z by (vm_compute; reflexivity).
      unfold real; simpl; lra.
  - unfold real_cells; match goal with |- context [whole_cells ?U ?fs ?k ?c] =>
      let whole := eval vm_compute in (whole_cells U fs k c) in
      change (whole_cells U fs k c) with whole end.
    rewrite e4m3_sum; unfold relative, real; simpl; field.
    apply not_0_IZR; discriminate.
Qed.

(** Uniform inputs. *)
Theorem uniform_inputs :
  has_uniform_bits [e2m1] (5 / 1536) 3339 /\
  has_uniform_bits [e2m1; e2m1] (7 / 196608) 6596 /\
  has_uniform_bits [e2m1; e2m1; e2m1] (11 / 25165824) 9770 /\
  has_uniform_bits [e4m3] (314146179365 / 1688849860263936) 5404.
Proof.
  split; [| split; [| split]].
  - computed_uniform_bits 6%Z [e2m1].
  - computed_uniform_bits 9%Z [e2m1; e2m1].
  - computed_uniform_bits 12%Z [e2m1; e2m1; e2m1].
  - computed_uniform_bits 19%Z [e4m3].
Qed.
