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

Definition shift (d : R) : list (R * R) -> list (R * R) :=
  map (fun '(v, b) => (v + d, b + d)).

Lemma right_end_shift d a cells : right_end a (shift d cells) = right_end (a - d) cells + d.
Proof.
  revert a; induction cells as [| [v b] cells IH]; simpl; intros a; [ring|].
  rewrite IH; repeat f_equal; ring.
Qed.

(** What is a cell to the other passes is one to all, shifted by the term. *)
Lemma tiled_next f fs k v a cells :
  tiled (remainder fs (next f k)) a cells ->
  (forall x, a + v < x < right_end a cells + v -> term f k x = v) ->
  tiled (remainder (f :: fs) k) (a + v) (shift v cells).
Proof.
  revert a; induction cells as [| [w b] cells IH]; simpl; intros a H Ht; [exact I|].
  destruct H as (Hab & Hw & H); assert (E := right_end_le _ _ _ H).
  repeat split; [lra | |].
  - intros x Hx; rewrite Ht, Hw by lra; lra.
  - apply IH; [exact H |]; intros x Hx; apply Ht; lra.
Qed.

Lemma right_end_app a c1 c2 : right_end a (c1 ++ c2) = right_end (right_end a c1) c2.
Proof. revert a; induction c1 as [| [v b] c1 IH]; simpl; intros a; [reflexivity | apply IH]. Qed.

Lemma tiled_app left a c1 c2 :
  tiled left a c1 -> tiled left (right_end a c1) c2 -> tiled left a (c1 ++ c2).
Proof.
  revert a; induction c1 as [| [v b] c1 IH]; simpl; intros a H1 H2; [exact H2|].
  destruct H1 as (Hab & Hv & H1); auto.
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

(** * The cells of E2M1 between 0, 2 and 4, of either sign, in units of the scale *)

Ltac spaced e :=
  exists e; repeat split; simpl;
  solve [lia | lra | contradiction | reflexivity | intros _; reflexivity].
Ltac disjunct := solve [left; exact I | right; left; lra | right; right; lra].
Ltac one_run is_subnormal e :=
  eapply tiled_run with (subnormal := is_subnormal);
  [apply e2m1_well_formed | spaced e
  | repeat split; simpl; try lra; disjunct | simpl; lra | simpl; lra | lra].

Definition below s := run s (-4) 2.
Definition left_of_0 s := run (s / 2) (-4) 4.
Definition right_of_0 s := run (s / 2) 0 4.
Definition above s := run s 2 2.
Definition low s := below s ++ left_of_0 s.
Definition high s := right_of_0 s ++ above s.
Definition middle s := left_of_0 s ++ right_of_0 s.

Ltac right_ends := unfold low, high, middle, below, left_of_0, right_of_0, above in *;
  repeat (rewrite right_end_app || rewrite right_end_shift || rewrite right_end_run);
  simpl INR in *.

Section E2m1.

Variables (k : Z) (s : R).
Hypothesis Hs : scale e2m1 k = s.

Lemma scaled : 0 < s.
Proof. rewrite <- Hs; apply scale_pos. Qed.

Lemma tiled_below : tiled (remainder [e2m1] k) (-4 * s) (below s).
Proof. assert (P := scaled); one_run False 0%Z. Qed.

Lemma tiled_left_of_0 : tiled (remainder [e2m1] k) (-2 * s) (left_of_0 s).
Proof. assert (P := scaled); one_run True (-1)%Z. Qed.

Lemma tiled_right_of_0 : tiled (remainder [e2m1] k) 0 (right_of_0 s).
Proof. assert (P := scaled); one_run True (-1)%Z. Qed.

Lemma tiled_above : tiled (remainder [e2m1] k) (2 * s) (above s).
Proof. assert (P := scaled); one_run False 0%Z. Qed.

Lemma tiled_low : tiled (remainder [e2m1] k) (-4 * s) (low s).
Proof.
  apply tiled_app; [apply tiled_below|].
  replace (right_end _ _) with (-2 * s) by (right_ends; lra); apply tiled_left_of_0.
Qed.

Lemma tiled_high : tiled (remainder [e2m1] k) 0 (high s).
Proof.
  apply tiled_app; [apply tiled_right_of_0|].
  replace (right_end _ _) with (2 * s) by (right_ends; lra); apply tiled_above.
Qed.

Lemma tiled_middle : tiled (remainder [e2m1] k) (-2 * s) (middle s).
Proof.
  apply tiled_app; [apply tiled_left_of_0|].
  replace (right_end _ _) with 0 by (right_ends; lra); apply tiled_right_of_0.
Qed.

Lemma tiled_all : tiled (remainder [e2m1] k) (-4 * s) (low s ++ high s).
Proof.
  apply tiled_app; [apply tiled_low|].
  replace (right_end _ _) with 0 by (right_ends; lra); apply tiled_high.
Qed.

End E2m1.

(** * Two passes of MXFP4: the first keeps v, the second has what it leaves *)

Notation two := [e2m1; e2m1].
Notation q := (/ 32).

Ltac magnitude := simpl; unfold Rabs; destruct Rcase_abs; lra.

(** The term of the first pass: [m] units of [2^e]/4. *)
Ltac next_pass lemma m e :=
  apply tiled_next; [apply lemma; reflexivity |]; right_ends; intros x Hx;
  rewrite (term_on_cell e2m1 0 (/ 4) x m e);
  [simpl; lra | apply e2m1_well_formed | reflexivity | simpl; lia
  | first [left; reflexivity | right; magnitude] | magnitude | magnitude | magnitude].

(** The binades of x below 1, and all of [0, 1]. *)
Definition binade_0 := shift (1 / 2) (high q) ++ shift (3 / 4) (low q ++ high q) ++ shift 1 (low q).
Definition binade_1 :=
  shift (1 / 4) (right_of_0 q) ++ shift (3 / 8) (middle q) ++ shift (1 / 2) (left_of_0 q).
Definition binade_2 := shift (1 / 8) (right_of_0 q) ++ shift (1 / 4) (left_of_0 q).
Definition binade_3 := shift (1 / 8) (left_of_0 q).

Lemma tiled_from left a b cells : a = b -> tiled left a cells -> tiled left b cells.
Proof. now intros ->. Qed.

Ltac start_at a v := apply (tiled_from _ (a + v)); [lra |].

Lemma tiled_binade_0 : tiled (remainder two 0) (1 / 2) binade_0.
Proof.
  repeat apply tiled_app; right_ends.
  - start_at 0 (1 / 2); next_pass tiled_high 2%Z 0%Z.
  - start_at (-4 * q) (3 / 4); next_pass tiled_all 3%Z 0%Z.
  - start_at (-4 * q) 1; next_pass tiled_low 4%Z 0%Z.
Qed.

Lemma tiled_binade_1 : tiled (remainder two 0) (1 / 4) binade_1.
Proof.
  repeat apply tiled_app; right_ends.
  - start_at 0 (1 / 4); next_pass tiled_right_of_0 2%Z (-1)%Z.
  - start_at (-2 * q) (3 / 8); next_pass tiled_middle 3%Z (-1)%Z.
  - start_at (-2 * q) (1 / 2); next_pass tiled_left_of_0 4%Z (-1)%Z.
Qed.

Lemma tiled_binade_2 : tiled (remainder two 0) (1 / 8) binade_2.
Proof.
  repeat apply tiled_app; right_ends.
  - start_at 0 (1 / 8); next_pass tiled_right_of_0 1%Z (-1)%Z.
  - start_at (-2 * q) (1 / 4); next_pass tiled_left_of_0 2%Z (-1)%Z.
Qed.

Lemma tiled_binade_3 : tiled (remainder two 0) (1 / 16) binade_3.
Proof. start_at (-2 * q) (1 / 8); next_pass tiled_left_of_0 1%Z (-1)%Z. Qed.

Definition all_binades :=
  shift 0 (right_of_0 q) ++ binade_3 ++ binade_2 ++ binade_1 ++ binade_0.

Lemma tiled_all_binades : tiled (remainder two 0) 0 all_binades.
Proof.
  apply tiled_app; [| apply tiled_app; [| apply tiled_app; [| apply tiled_app]]];
    unfold binade_3, binade_2, binade_1, binade_0; right_ends.
  - start_at 0 0; next_pass tiled_right_of_0 0%Z (-1)%Z.
  - apply (tiled_from _ (1 / 16)); [lra | exact tiled_binade_3].
  - apply (tiled_from _ (1 / 8)); [lra | exact tiled_binade_2].
  - apply (tiled_from _ (1 / 4)); [lra | exact tiled_binade_1].
  - apply (tiled_from _ (1 / 2)); [lra | exact tiled_binade_0].
Qed.

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

Theorem mxfp4_one_pass :
  exists mean, relative_mean [e2m1] (1 / 2) mean /\ rounds_to (bits mean) 3272.
Proof.
  exists (1 + - (24) / 35 / ln 2); split.
  - rewrite <- e2m1_sum.
    replace (1 / 2) with (2 * (pow2 0 * scale e2m1 0))
      by (change (scale e2m1 0) with (/ 4); simpl; lra).
    apply (one_pass e2m1 0 2); [apply e2m1_well_formed | change (-1 <= 0 <= 0)%Z; lia | lia |].
    rewrite INR_IZR_INZ; reflexivity.
  - unfold rounds_to, bits; interval with (i_prec 60).
Qed.

(** ** Two passes of MXFP4 *)

Ltac binade lemma list :=
  eexists; split;
  [apply rms_relative; [lra | apply lemma | unfold list; right_ends; lra]
  | unfold list; right_ends; unfold shift, rounds_to, bits, relative; simpl;
    interval with (i_prec 80)].

Theorem mxfp4_two_passes :
  exists mean, relative_mean two (1 / 2) mean /\ rounds_to (bits mean) 6598.
Proof. binade tiled_binade_0 binade_0. Qed.

Theorem mxfp4_two_passes_binade_1 :
  exists mean, relative_mean two (1 / 4) mean /\ rounds_to (bits mean) 6236.
Proof. binade tiled_binade_1 binade_1. Qed.

(** In binade 2 the error is that of MXFP8, exactly. *)
Theorem mxfp4_two_passes_binade_2 :
  relative_mean two (1 / 8) (1 + growth relative 8 (run 1 8 8) / ln 2).
Proof.
  replace (growth relative 8 (run 1 8 8)) with (growth relative (1 / 8) binade_2).
  - apply rms_relative; [lra | apply tiled_binade_2 | unfold binade_2; right_ends; lra].
  - rewrite e4m3_sum; unfold binade_2; right_ends; unfold shift, relative; simpl; field.
Qed.

Theorem mxfp4_two_passes_binade_3 :
  exists mean, relative_mean two (1 / 16) mean /\ rounds_to (bits mean) 4245.
Proof. binade tiled_binade_3 binade_3. Qed.

Theorem mxfp4_two_passes_uniform :
  uniform_mean two (7 / 196608) /\ rounds_to (uniform_bits (7 / 196608)) 6596.
Proof.
  split.
  - assert (H := rms_uniform _ _ _ tiled_all_binades); unfold uniform_mean.
    assert (E : right_end 0 all_binades = 1).
    { unfold all_binades, binade_3, binade_2, binade_1, binade_0; right_ends; lra. }
    rewrite E in H; clear E.
    match type of H with is_RInt _ _ _ ?g => replace (7 / 196608) with g end; [exact H |].
    unfold all_binades, binade_3, binade_2, binade_1, binade_0; right_ends.
    unfold shift, cube; simpl; field.
  - unfold rounds_to, uniform_bits; interval with (i_prec 60).
Qed.
