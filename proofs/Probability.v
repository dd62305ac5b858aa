(** Probability: spaces as positive linear functionals, mean independence, Azuma's and Hoeffding's
    inequality. Theorems gemm-probabilistic and gemm-martingale use them. *)

From Coq Require Import Permutation FunctionalExtensionality.
From Msdnum Require Import InnerProduct.

(** * Inequalities between real functions *)

Lemma least_at_zero f f' x :
  (forall c, Rmin 0 x <= c <= Rmax 0 x -> derivable_pt_lim f c (f' c) /\ 0 <= f' c * c) ->
  f 0 <= f x.
Proof.
  intros D; destruct (Rtotal_order 0 x) as [P | [<- | N]]; [| lra |].
  - rewrite Rmin_left, Rmax_right in D by lra.
    destruct (MVT_cor2 f f' 0 x P) as (c & E & C); [intros c C; now apply D|].
    assert (0 <= f' c) by (apply Rmult_le_reg_r with c; [lra|]; rewrite Rmult_0_l; apply D; lra).
    assert (0 <= f' c * (x - 0)) by (apply Rmult_le_pos; lra); lra.
  - rewrite Rmin_right, Rmax_left in D by lra.
    destruct (MVT_cor2 f f' x 0 N) as (c & E & C); [intros c C; now apply D|].
    assert (f' c <= 0).
    { destruct (Rle_or_lt (f' c) 0) as [H | H]; [exact H | exfalso].
      assert (0 < f' c * - c) by (apply Rmult_lt_0_compat; lra).
      assert (0 <= f' c * c) by (apply D; lra); lra. }
    assert (0 <= - f' c * (0 - x)) by (apply Rmult_le_pos; lra); lra.
Qed.

Lemma exp_chord a y : Rabs y <= a -> (a + y) * exp a + (a - y) * exp (- a) >= 2 * a * exp y.
Proof.
  intros Y; apply Rabs_le_inv in Y; assert (P := exp_pos y).
  assert (T : forall z, exp y * (1 + (z - y)) <= exp z).
  { intros z; replace (exp z) with (exp y * exp (z - y)) by (rewrite <- exp_plus; f_equal; ring).
    apply Rmult_le_compat_l; [lra | apply exp_ineq1_le]. }
  assert (U := Rmult_le_compat_l (a + y) _ _ ltac:(lra) (T a)).
  assert (L := Rmult_le_compat_l (a - y) _ _ ltac:(lra) (T (- a))); lra.
Qed.

(** On [-a, a] the exponential lies below a line that meets the axis x = 0 at cosh a. *)
Lemma exp_below_line a : exists k, forall y, Rabs y <= a -> exp y <= cosh a + k * y.
Proof.
  destruct (Rlt_or_le 0 a) as [P | N].
  - exists (sinh a / a); intros y Y; assert (C := exp_chord a y Y).
    apply Rmult_le_reg_l with (2 * a); [lra|]; unfold cosh, sinh.
    replace (2 * a * (_ + _)) with ((a + y) * exp a + (a - y) * exp (- a)) by (field; lra); lra.
  - exists 0; intros y Y; assert (A := Rabs_pos y).
    replace y with 0 by (destruct (Req_dec y 0); [lra | assert (0 < Rabs y) by now apply Rabs_pos_lt]; lra).
    replace a with 0 by lra; rewrite cosh_0, exp_0; lra.
Qed.

Lemma cosh_pos x : 0 < cosh x.
Proof. unfold cosh; assert (A := exp_pos x); assert (B := exp_pos (- x)); lra. Qed.

Lemma half_square_derivative x : derivable_pt_lim (fun z => z ^ 2 / 2) x x.
Proof.
  replace x with (INR 2 * x ^ Nat.pred 2 * / 2 + x ^ 2 * 0) at 2 by (simpl; field).
  apply (derivable_pt_lim_mult (fun z => z ^ 2) (fun _ => / 2));
    [apply derivable_pt_lim_pow | apply derivable_pt_lim_const].
Qed.

Lemma sinh_pos x : 0 <= x -> 0 <= sinh x.
Proof.
  intros X; unfold sinh; assert (exp (- x) <= exp x); [|lra].
  destruct (Req_dec x 0) as [-> | N]; [rewrite Ropp_0; lra | left; apply exp_increasing; lra].
Qed.

(** The derivative of x cosh x - sinh x is x sinh x. *)
Lemma sinh_le_cosh x : 0 <= x -> 0 <= x * cosh x - sinh x.
Proof.
  intros X; set (f z := z * cosh z - sinh z).
  assert (F : f 0 <= f x).
  { apply least_at_zero with (fun z => 1 * cosh z + z * sinh z - cosh z).
    rewrite Rmin_left, Rmax_right by lra; intros z Z; split.
    - apply derivable_pt_lim_minus; [|apply derivable_pt_lim_sinh].
      apply (derivable_pt_lim_mult id cosh); [apply derivable_pt_lim_id | apply derivable_pt_lim_cosh].
    - replace (_ * z) with (sinh z * (z * z)) by ring.
      apply Rmult_le_pos; [now apply sinh_pos | apply Rmult_le_pos; lra]. }
  unfold f at 1 in F; rewrite sinh_0 in F; unfold f in F; lra.
Qed.

(** The derivative of exp(-x^2/2) cosh x is exp(-x^2/2) (sinh x - x cosh x). *)
Lemma cosh_gauss x : 0 <= x -> cosh x <= exp (x ^ 2 / 2).
Proof.
  intros X; set (h z := exp (- (z ^ 2 / 2))); set (f z := - (h z * cosh z)).
  assert (F : f 0 <= f x).
  { apply least_at_zero with (fun z => - (h z * - z * cosh z + h z * sinh z)).
    rewrite Rmin_left, Rmax_right by lra; intros z Z; split.
    - apply (derivable_pt_lim_opp (fun z => h z * cosh z)).
      apply (derivable_pt_lim_mult h cosh); [|apply derivable_pt_lim_cosh].
      apply (derivable_pt_lim_comp (fun z => - (z ^ 2 / 2)) exp); [|apply derivable_pt_lim_exp].
      apply (derivable_pt_lim_opp (fun z => z ^ 2 / 2)), half_square_derivative.
    - replace (_ * z) with (h z * (z * cosh z - sinh z) * z) by ring.
      apply Rmult_le_pos; [|lra]; apply Rmult_le_pos; [apply Rlt_le, exp_pos | now apply sinh_le_cosh]. }
  unfold f, h in F; rewrite cosh_0 in F; replace (- (0 ^ 2 / 2)) with 0 in F by (simpl; field).
  rewrite exp_0 in F; set (z := x ^ 2 / 2) in *.
  apply Rmult_le_reg_l with (exp (- z)); [apply exp_pos|].
  rewrite <- exp_plus; replace (- z + z) with 0 by ring; rewrite exp_0; lra.
Qed.

(** * Probability: a positive linear functional of mean 1 *)

(** [random] are the functions of the outcome whose mean is meant: the bounded measurable ones of
    any probability space, whose integrals have these properties; all functions, if the outcomes
    are finitely many. *)
Record space := Space {
  outcome : Type;
  random : (outcome -> R) -> Prop;
  mean : (outcome -> R) -> R;
  random_constant c : random (fun _ => c);
  random_plus x y : random x -> random y -> random (fun w => x w + y w);
  random_mult x y : random x -> random y -> random (fun w => x w * y w);
  random_exp x : random x -> random (fun w => exp (x w));
  random_event x y : random x -> random y -> random (fun w => if Rle_dec (x w) (y w) then 1 else 0);
  mean_one : mean (fun _ => 1) = 1;
  mean_plus x y : random x -> random y -> mean (fun w => x w + y w) = mean x + mean y;
  mean_scale c x : random x -> mean (fun w => c * x w) = c * mean x;
  mean_le x y : random x -> random y -> (forall w, x w <= y w) -> mean x <= mean y }.

(** Finitely many outcomes, each with its weight. *)
Section Finite.

Variables (A : Type) (weights : list (A * R)).
Hypothesis weights_pos : Forall (fun p => 0 <= snd p) weights.
Hypothesis weights_one : sum (map snd weights) = 1.

Definition finite_mean (x : A -> R) : R := sum (map (fun p => snd p * x (fst p)) weights).

Lemma finite_plus x y : finite_mean (fun w => x w + y w) = finite_mean x + finite_mean y.
Proof.
  unfold finite_mean; clear; induction weights as [|p l IH]; simpl; [ring|].
  fold sum; rewrite IH; ring.
Qed.

Lemma finite_scale c x : finite_mean (fun w => c * x w) = c * finite_mean x.
Proof.
  unfold finite_mean; clear; induction weights as [|p l IH]; simpl; [ring|].
  fold sum; rewrite IH; ring.
Qed.

Lemma finite_le x y : (forall w, x w <= y w) -> finite_mean x <= finite_mean y.
Proof.
  intros L; unfold finite_mean; generalize weights_pos; clear weights_pos weights_one.
  induction weights as [|p l IH]; intros F; inversion F; subst; simpl; [lra|].
  apply Rplus_le_compat; [apply Rmult_le_compat_l; [assumption | apply L] | now apply IH].
Qed.

Lemma finite_one : finite_mean (fun _ => 1) = 1.
Proof.
  transitivity (sum (map snd weights)); [|exact weights_one].
  unfold finite_mean; f_equal; apply map_ext; intros p; ring.
Qed.

Definition finite_space : space :=
  Space A (fun _ => True) finite_mean (fun _ => I) (fun _ _ _ _ => I) (fun _ _ _ _ => I)
    (fun _ _ => I) (fun _ _ _ _ => I) finite_one (fun x y _ _ => finite_plus x y)
    (fun c x _ => finite_scale c x) (fun x y _ _ => finite_le x y).

End Finite.

Section Probability.

Variable s : space.
Notation variable := (outcome s -> R).

Ltac random := repeat (assumption || apply random_constant || apply random_plus || apply random_mult
                       || apply random_exp || apply random_event).

Lemma random_minus (x y : variable) : random s x -> random s y -> random s (fun w => x w - y w).
Proof.
  intros X Y; replace (fun w => x w - y w) with (fun w => x w + (-1) * y w); [random|].
  apply functional_extensionality; intros w; ring.
Qed.

Lemma random_abs (x : variable) : random s x -> random s (fun w => Rabs (x w)).
Proof.
  intros X; replace (fun w => Rabs (x w))
    with (fun w => x w * (2 * (if Rle_dec 0 (x w) then 1 else 0) + (-1))); [random|].
  apply functional_extensionality; intros w; destruct Rle_dec.
  - rewrite Rabs_pos_eq by assumption; ring.
  - rewrite Rabs_left by lra; ring.
Qed.

(** What the variables are in one outcome. *)
Definition drawn (w : outcome s) (xs : list variable) : list R := map (fun x => x w) xs.

Lemma random_dot m xs : Forall (random s) xs -> random s (fun w => dot m (drawn w xs)).
Proof.
  intros X; revert m; induction X as [|x xs X _ IH]; intros [|c m]; simpl; random; apply IH.
Qed.

(** The probability that x <= y. *)
Definition probability (x y : variable) : R := mean s (fun w => if Rle_dec (x w) (y w) then 1 else 0).

(** * Mean independence *)

(** The mean of each, times a function of the earlier ones, is zero; here exponentials of their
    linear combinations are functions enough. *)
Definition mean_independent (xs : list variable) : Prop :=
  forall earlier x later, xs = earlier ++ x :: later ->
  forall m, mean s (fun w => x w * exp (dot m (drawn w earlier))) = 0.

(** E[x | earlier] = 0 as it is usually written: for every function of the earlier ones. *)
Theorem every_function xs :
  (forall earlier x later, xs = earlier ++ x :: later ->
   forall g, mean s (fun w => x w * g (drawn w earlier)) = 0) -> mean_independent xs.
Proof. intros H earlier x later E m; now apply (H earlier x later E (fun ys => exp (dot m ys))). Qed.

(** Independent of the earlier ones, with mean zero. *)
Theorem independent xs :
  (forall earlier x later, xs = earlier ++ x :: later -> mean s x = 0 /\
   forall g, mean s (fun w => x w * g (drawn w earlier)) = mean s x * mean s (fun w => g (drawn w earlier))) ->
  mean_independent xs.
Proof.
  intros H; apply every_function; intros earlier x later E g.
  destruct (H earlier x later E) as [Z ->]; rewrite Z; ring.
Qed.

Definition within (cs : list R) (xs : list variable) : Prop :=
  Forall2 (fun c x => forall w, Rabs (x w) <= c) cs xs.

Lemma within_length cs xs : within cs xs -> length cs = length xs.
Proof. induction 1; simpl; congruence. Qed.

Definition squares : list R -> list R := map Rsqr.

Lemma dot_snoc m xs x : dot m (xs ++ [x]) = dot m xs + nth (length xs) m 0 * x.
Proof.
  revert m; induction xs as [|y xs IH]; intros [|c m]; simpl; try ring; [destruct m; simpl; ring|].
  rewrite IH; ring.
Qed.

Lemma dot_scale t m xs : dot (map (Rmult t) m) xs = t * dot m xs.
Proof.
  revert xs; induction m as [|c m IH]; intros [|x xs]; simpl; try ring; rewrite IH; ring.
Qed.

Lemma squares_scale t m : squares (map (Rmult t) m) = map (Rmult (t ^ 2)) (squares m).
Proof. unfold squares; rewrite !map_map; apply map_ext; intros x; unfold Rsqr; ring. Qed.

(** Hoeffding's lemma, once for each variable: the chord above the exponential has the mean of its
    value at zero, whatever the earlier ones are. *)
Lemma exponential_moment cs xs m :
  mean_independent xs -> Forall (random s) xs -> within cs xs ->
  mean s (fun w => exp (dot m (drawn w xs))) <= exp (dot (squares m) (squares cs) / 2).
Proof.
  revert cs; induction xs as [|x xs IH] using rev_ind; intros cs I X W.
  { inversion W; subst; replace (dot (squares m) (squares [])) with 0 by (now destruct m).
    replace (fun _ => _) with (fun _ : outcome s => 1).
    - rewrite mean_one; replace (0 / 2) with 0 by field; rewrite exp_0; lra.
    - apply functional_extensionality; intros w; destruct m; simpl; now rewrite exp_0. }
  apply Forall_app in X; destruct X as [X Xx]; inversion Xx as [|? ? Rx _]; subst; clear Xx.
  apply Forall2_app_inv_r in W; destruct W as (cs' & last & W & L & ->).
  inversion L as [|c ? ? ? C L']; subst; inversion L'; subst; clear L L'.
  assert (I' : mean_independent xs).
  { intros e y l E; apply (I e y (l ++ [x])); rewrite E, <- app_assoc; reflexivity. }
  specialize (IH cs' I' X W).
  set (a := nth (length xs) m 0); set (e w := exp (dot m (drawn w xs))) in *.
  destruct (exp_below_line (Rabs (a * c))) as [k K]; set (h := cosh (Rabs (a * c))) in *.
  assert (Re : random s e) by (unfold e; apply random_exp, random_dot, X).
  apply Rle_trans with (mean s (fun w => h * e w + (k * a) * (x w * e w))).
  { apply mean_le; [apply random_exp, random_dot, Forall_app; now split; [|constructor] | random |].
    intros w; unfold drawn; rewrite map_app; simpl; fold (drawn w xs).
    rewrite dot_snoc; unfold drawn at 2; rewrite map_length; fold a; rewrite exp_plus; fold (e w).
    replace (_ + _) with (e w * (h + k * (a * x w))) by ring.
    apply Rmult_le_compat_l; [apply Rlt_le, exp_pos | apply K].
    rewrite 2!Rabs_mult; apply Rmult_le_compat_l; [apply Rabs_pos|].
    apply Rle_trans with (1 := C w), Rle_abs. }
  rewrite mean_plus, !mean_scale by random.
  unfold e at 2; rewrite (I xs x [] eq_refl m), Rmult_0_r, Rplus_0_r.
  replace (dot _ _ / 2) with (Rabs (a * c) ^ 2 / 2 + dot (squares m) (squares cs') / 2).
  - rewrite exp_plus; apply Rmult_le_compat; [apply Rlt_le, cosh_pos | | | exact IH].
    + rewrite <- (Rmult_0_l (mean s (fun _ => 1))), <- mean_scale by random.
      apply mean_le; [random | exact Re |]; intros w; rewrite Rmult_0_l; apply Rlt_le, exp_pos.
    + apply cosh_gauss, Rabs_pos.
  - unfold squares; rewrite map_app; cbn [map]; rewrite dot_snoc, map_length, (within_length _ _ W).
    replace (nth _ (map Rsqr m) 0) with (Rsqr a)
      by (unfold a; now rewrite <- (map_nth Rsqr), Rsqr_0).
    rewrite pow2_abs; unfold Rsqr; field.
Qed.

(** * Azuma's and Hoeffding's inequality *)

Definition two_norm (m cs : list R) : R := sqrt (dot (squares m) (squares cs)).

Lemma probability_le (x y x' y' : variable) :
  random s x -> random s y -> random s x' -> random s y' ->
  (forall w, x w <= y w -> x' w <= y' w) -> probability x y <= probability x' y'.
Proof.
  intros X Y X' Y' L; apply mean_le; [random | random | intros w].
  specialize (L w); repeat destruct Rle_dec; tauto || lra.
Qed.

Lemma dot_squares_pos m cs : 0 <= dot (squares m) (squares cs).
Proof.
  revert cs; induction m as [|a m IH]; intros [|c cs]; simpl; try lra.
  apply Rplus_le_le_0_compat; [apply Rmult_le_pos; apply Rle_0_sqr | apply IH].
Qed.

(* Nothing varies: what is bounded by zero is zero. *)
Lemma dot_zero m cs xs :
  Forall2 (fun c x => Rabs x <= c) cs xs -> dot (squares m) (squares cs) = 0 -> dot m xs = 0.
Proof.
  intros W; revert m; induction W as [|c x cs xs C _ IH]; intros [|a m]; simpl; try easy; intros E.
  assert (P := dot_squares_pos m cs).
  assert (Q : 0 <= Rsqr a * Rsqr c) by (apply Rmult_le_pos; apply Rle_0_sqr).
  rewrite (IH m) by (unfold squares in *; lra).
  destruct (Rmult_integral (Rsqr a) (Rsqr c)) as [A | A]; [unfold squares in *; lra | |].
  - rewrite (Rsqr_0_uniq _ A); ring.
  - apply Rsqr_0_uniq in A; subst c; assert (X := Rabs_pos x).
    destruct (Req_dec x 0) as [-> | N]; [ring | apply Rabs_pos_lt in N; lra].
Qed.

Lemma exp_le x y : x <= y -> exp x <= exp y.
Proof. intros [L | ->]; [left; now apply exp_increasing | lra]. Qed.

Theorem azuma cs xs m lambda :
  0 <= lambda -> mean_independent xs -> Forall (random s) xs -> within cs xs ->
  1 - 2 * exp (- (lambda ^ 2 / 2)) <=
    probability (fun w => Rabs (dot m (drawn w xs))) (fun _ => lambda * two_norm m cs).
Proof.
  intros Hl I X W; set (V := dot (squares m) (squares cs)).
  assert (Rd := fun m => random_dot m xs X).
  set (S w := dot m (drawn w xs)); change (fun w => Rabs (dot m _)) with (fun w => Rabs (S w)).
  assert (RS : random s S) by apply Rd.
  unfold two_norm; fold V; assert (VP : 0 <= V) by apply dot_squares_pos.
  unfold probability; destruct VP as [VP | VZ].
  2: { assert (Z : forall w, S w = 0).
       { intros w; apply dot_zero with cs; [|easy]; clear -W.
         induction W as [|c x cs xs C _ IH]; simpl; [constructor | constructor; [apply C | exact IH]]. }
       rewrite <- VZ, sqrt_0, Rmult_0_r.
       replace (fun w => _) with (fun _ : outcome s => 1).
       - rewrite mean_one; assert (P := exp_pos (- (lambda ^ 2 / 2))); lra.
       - apply functional_extensionality; intros w; rewrite Z, Rabs_R0.
         now destruct Rle_dec as [|N]; [|elim N; lra]. }
  set (sigma := sqrt V); assert (SP : 0 < sigma) by now apply sqrt_lt_R0.
  set (t := lambda / sigma); assert (T : 0 <= t).
  { apply Rmult_le_pos; [exact Hl | apply Rlt_le, Rinv_0_lt_compat, SP]. }
  assert (TS : t * sigma = lambda) by (unfold t; field; lra).
  assert (SS : sigma * sigma = V) by (apply sqrt_sqrt; lra).
  assert (M : forall r, r ^ 2 = t ^ 2 -> mean s (fun w => exp (r * S w)) <= exp (lambda ^ 2 / 2)).
  { intros r E; replace (lambda ^ 2 / 2) with (dot (squares (map (Rmult r) m)) (squares cs) / 2).
    - replace (fun w => exp (r * S w)) with (fun w => exp (dot (map (Rmult r) m) (drawn w xs))).
      + now apply exponential_moment.
      + apply functional_extensionality; intros w; now rewrite dot_scale.
    - rewrite squares_scale, dot_scale, E, <- TS; fold V; rewrite <- SS; field. }
  assert (M1 := M t eq_refl); assert (M2 := M (- t) ltac:(ring)).
  set (q := exp (- lambda ^ 2)); assert (Q : 0 < q) by apply exp_pos.
  apply Rle_trans with (mean s (fun w => 1 + (- q) * (exp (t * S w) + exp (- t * S w)))).
  - rewrite mean_plus, mean_one, mean_scale, mean_plus by random.
    replace (exp (- (lambda ^ 2 / 2))) with (q * exp (lambda ^ 2 / 2))
      by (unfold q; rewrite <- exp_plus; f_equal; field).
    assert (q * (mean s (fun w => exp (t * S w)) + mean s (fun w => exp (- t * S w)))
            <= q * (2 * exp (lambda ^ 2 / 2))) by (apply Rmult_le_compat_l; lra); lra.
  - apply mean_le; [random | random; now apply random_abs | intros w].
    assert (A := exp_pos (t * S w)); assert (B := exp_pos (- t * S w)).
    destruct Rle_dec as [L | N].
    { assert (0 <= q * (exp (t * S w) + exp (- t * S w))) by (apply Rmult_le_pos; lra); lra. }
    assert (1 <= q * exp (t * Rabs (S w))).
    { unfold q; rewrite <- exp_plus, <- exp_0; apply exp_le.
      assert (t * (lambda * sigma) <= t * Rabs (S w)) by (apply Rmult_le_compat_l; lra).
      replace (lambda ^ 2) with (t * (lambda * sigma)); [lra|].
      replace (t * (lambda * sigma)) with (t * sigma * lambda) by ring; rewrite TS; ring. }
    assert (q * exp (t * Rabs (S w)) <= q * (exp (t * S w) + exp (- t * S w))); [|lra].
    apply Rmult_le_compat_l; [lra|]; unfold Rabs; destruct Rcase_abs; [|lra].
    replace (t * - S w) with (- t * S w) by ring; lra.
Qed.

(** * The union of few unlikely events *)

Definition likely (q : R) (e : variable * variable) : Prop :=
  random s (fst e) /\ random s (snd e) /\ 1 - q <= probability (fst e) (snd e).

Lemma union q events (x y : variable) :
  Forall (likely q) events -> random s x -> random s y ->
  (forall w, Forall (fun e => fst e w <= snd e w) events -> x w <= y w) ->
  1 - INR (length events) * q <= probability x y.
Proof.
  intros E X Y L.
  assert (M : exists misses : variable, random s misses /\ mean s misses <= INR (length events) * q /\
    forall w, 0 <= misses w /\ (misses w < 1 -> Forall (fun e => fst e w <= snd e w) events)).
  { clear L; induction E as [|[a b] es [A [B P]] _ (r & R1 & R2 & R3)].
    - exists (fun _ => 0 * 1); split; [random|]; rewrite mean_scale, mean_one by random.
      simpl; split; [lra|]; intros w; split; [lra | constructor].
    - simpl fst in *; simpl snd in *.
      exists (fun w => r w + (1 + (-1) * (if Rle_dec (a w) (b w) then 1 else 0))).
      split; [random|]; change (length (_ :: es)) with (S (length es)); rewrite S_INR; split.
      + rewrite !mean_plus, mean_scale, mean_one by random; unfold probability in P; lra.
      + intros w; destruct (R3 w) as [R4 R5]; destruct Rle_dec as [H | H]; split; try lra.
        intros M; constructor; [exact H | apply R5; lra]. }
  destruct M as (r & R1 & R2 & R3); unfold probability.
  apply Rle_trans with (mean s (fun w => 1 + (-1) * r w)).
  - rewrite mean_plus, mean_one, mean_scale by random; lra.
  - apply mean_le; [random | random | intros w]; destruct (R3 w) as [P H].
    destruct Rle_dec as [_ | N]; [lra|]; destruct (Rle_or_lt 1 (r w)) as [O | O]; [lra|].
    elim N; now apply L, H.
Qed.

(** What a decomposition leaves of each entry. *)
Fixpoint remainders (a a' : list variable) : list variable :=
  match a, a' with
  | x :: a, x' :: a' => (fun w => x w - x' w) :: remainders a a'
  | _, _ => []
  end.

Lemma random_remainders a a' :
  Forall (random s) a -> Forall (random s) a' -> Forall (random s) (remainders a a').
Proof.
  intros A; revert a'; induction A as [|x a X _ IH]; intros a' A'; destruct A' as [|x' a' X' A'];
    constructor; [now apply random_minus | now apply IH].
Qed.

Lemma dot_remainders w a a' b : length a = length a' ->
  dot (drawn w a) b - dot (drawn w a') b = dot b (drawn w (remainders a a')).
Proof.
  revert a' b; induction a as [|x a IH]; intros [|x' a'] [|y b] E; try discriminate E; simpl; try ring.
  injection E as E; rewrite <- IH by exact E; ring.
Qed.

Lemma dot_comm a b : dot a b = dot b a.
Proof. revert b; induction a as [|x a IH]; intros [|y b]; simpl; rewrite ?IH; ring. Qed.

End Probability.
