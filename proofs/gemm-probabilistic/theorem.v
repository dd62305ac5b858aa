(** Inner products, with high probability. *)

From Coq Require Import Permutation FunctionalExtensionality.
From Msdnum Require Import InnerProduct Probability.

(** The derivative of the difference is e (e + u) / ((1 - u) (1 + e)). *)
Theorem logarithm u e : u < 1 -> Rabs e <= u -> Rabs (ln (1 + e) - e) <= e ^ 2 / (2 * (1 - u)).
Proof.
  intros U H; apply Rabs_le_inv in H.
  set (v := / (1 - u)); assert (V : 0 < v) by (apply Rinv_0_lt_compat; lra).
  assert (Huv : (1 - u) * v = 1) by (apply Rinv_r; lra).
  replace (e ^ 2 / (2 * (1 - u))) with (v * (e ^ 2 / 2)) by (unfold v; field; lra).
  assert (B : ln (1 + e) <= e).
  { rewrite <- (ln_exp e) at 2; destruct (Req_dec e 0) as [-> | N].
    - rewrite Rplus_0_r, ln_1, exp_0, ln_1; lra.
    - left; apply ln_increasing; [lra | now apply exp_ineq1]. }
  set (f x := v * (x ^ 2 / 2) - x + ln (1 + x)).
  assert (F : f 0 <= f e).
  { apply least_at_zero with (fun x => v * x - 1 + / (1 + x)); intros x X.
    assert (X1 : - u <= x <= u).
    { destruct (Rle_or_lt 0 e); [rewrite Rmin_left, Rmax_right in X | rewrite Rmin_right, Rmax_left in X]; lra. }
    split.
    - apply (derivable_pt_lim_plus (fun x => v * (x ^ 2 / 2) - x) (fun x => ln (1 + x))).
      + apply (derivable_pt_lim_minus (fun x => v * (x ^ 2 / 2)) id); [|apply derivable_pt_lim_id].
        apply (derivable_pt_lim_scal (fun x => x ^ 2 / 2)), half_square_derivative.
      + replace (/ (1 + x)) with (/ (1 + x) * (0 + 1)) by ring.
        apply (derivable_pt_lim_comp (fun x => 1 + x) ln); [|apply derivable_pt_lim_ln; lra].
        apply (derivable_pt_lim_plus (fun _ => 1) id);
          [apply derivable_pt_lim_const | apply derivable_pt_lim_id].
    - set (w := / (1 + x)); assert (W : 0 < w) by (apply Rinv_0_lt_compat; lra).
      assert (Hw : (1 + x) * w = 1) by (apply Rinv_r; lra).
      replace ((v * x - 1 + w) * x) with (v * w * (x ^ 2 * (x + u))).
      + apply Rmult_le_pos; [apply Rmult_le_pos; lra|]; apply Rmult_le_pos; [apply pow2_ge_0 | lra].
      + replace (v * x - 1 + w) with (v * x * 1 - 1 * (1 - w)) by ring.
        replace (v * x * 1 - 1 * (1 - w))
          with (v * x * ((1 + x) * w) - (1 - u) * v * ((1 + x) * w - w)) by (rewrite Hw, Huv; ring).
        ring. }
  unfold f in F; rewrite Rplus_0_r, ln_1 in F; rewrite Rabs_left1 by lra; lra.
Qed.

Section Products.

Variable s : space.
Notation variable := (outcome s -> R).
Notation drawn := (Probability.drawn s).
Notation mean_independent := (Probability.mean_independent s).
Notation within := (Probability.within s).
Notation probability := (Probability.probability s).
Notation likely := (Probability.likely s).
Notation union := (Probability.union s).
Notation azuma := (Probability.azuma s).
Notation remainders := (Probability.remainders s).
Notation random_dot := (Probability.random_dot s).
Notation random_remainders := (Probability.random_remainders s).
Notation dot_remainders := (Probability.dot_remainders s).
Notation random_minus := (Probability.random_minus s).
Notation random_abs := (Probability.random_abs s).
Notation probability_le := (Probability.probability_le s).

Ltac random := repeat (assumption || apply random_constant || apply random_plus || apply random_mult
                       || apply random_exp || apply random_event).

(** * Products of roundings *)

Definition product (w : outcome s) (path : list variable) : R :=
  fold_right (fun e t => (1 + e w) * t) 1 path.

Definition growth (lambda : R) (d : nat) (u : R) : R :=
  exp (lambda * sqrt (INR d) * u + INR d * u ^ 2 / (1 - u)) - 1.

Lemma product_logarithm u w path : u < 1 -> Forall (fun e : variable => Rabs (e w) <= u) path ->
  0 < product w path /\
  Rabs (ln (product w path) - sum (drawn w path)) <= INR (length path) * (u ^ 2 / (2 * (1 - u))).
Proof.
  intros U; induction 1 as [|e path E _ [P L]].
  { simpl; rewrite ln_1, Rminus_0_r, Rabs_R0; lra. }
  change (length (e :: path)) with (S (length path)); rewrite S_INR; simpl; fold sum (drawn w path).
  assert (E' := Rabs_le_inv _ _ E); split; [apply Rmult_lt_0_compat; lra|].
  rewrite ln_mult by lra.
  replace (_ - _) with ((ln (1 + e w) - e w) + (ln (product w path) - sum (drawn w path))) by ring.
  apply Rle_trans with (1 := Rabs_triang _ _).
  assert (A := logarithm u (e w) U E).
  assert (e w ^ 2 / (2 * (1 - u)) <= u ^ 2 / (2 * (1 - u))); [|lra].
  apply Rmult_le_compat_r; [apply Rlt_le, Rinv_0_lt_compat; lra|].
  rewrite <- (pow2_abs (e w)); apply pow_incr; split; [apply Rabs_pos | exact E].
Qed.

Lemma near_one x l : 0 < x -> Rabs (ln x) <= l -> Rabs (x - 1) <= exp l - 1.
Proof.
  intros X L; apply Rabs_le_inv in L.
  assert (A := exp_le _ _ (proj1 L)); assert (B := exp_le _ _ (proj2 L)); rewrite exp_ln in A, B by exact X.
  assert (C : exp l * exp (- l) = 1) by (rewrite <- exp_plus, Rplus_opp_r; apply exp_0).
  assert (0 < exp l) by apply exp_pos; assert (0 < exp (- l)) by apply exp_pos.
  assert (0 <= (exp l - 1) * (exp l - 1)) by apply Rle_0_sqr.
  apply Rabs_le; split; [|lra].
  assert (2 <= exp l + exp (- l)); [|lra]; apply Rmult_le_reg_l with (exp l); [lra|]; nra.
Qed.

(** Some of a sequence, in any order, are the sequence with weights 0 and 1: a path need not be
    mean-independent by itself. *)
Lemma selection (order path rest : list variable) : Permutation order (path ++ rest) ->
  exists m, forall g : variable -> R,
    dot m (map g order) = sum (map g path) /\ dot (squares m) (map g order) = sum (map g path).
Proof.
  intros P; set (marked := map (pair 1) path ++ map (pair 0) rest).
  assert (E : path ++ rest = map snd marked).
  { unfold marked; rewrite map_app, !map_map; simpl; now rewrite !map_id. }
  rewrite E in P; apply Permutation_map_inv in P; destruct P as (l & -> & P).
  exists (map fst l); intros g.
  assert (D : forall h, dot (map (fun p : R * variable => h (fst p)) l) (map g (map snd l))
                        = sum (map (fun p => h (fst p) * g (snd p)) l)).
  { intros h; clear; induction l as [|p l IH]; simpl; [reflexivity | now rewrite IH]. }
  assert (F : forall h, h 1 = 1 -> h 0 = 0 ->
    sum (map (fun p => h (fst p) * g (snd p)) l) = sum (map g path)).
  { intros h H1 H0; transitivity (sum (map (fun p => h (fst p) * g (snd p)) marked)).
    - clear -P; induction P as [| p l l' P IH | p q l | l l' l'' P IH P' IH']; simpl; fold sum; lra.
    - unfold marked; rewrite map_app, !map_map; simpl; rewrite H1, H0; clear.
      induction path as [|x path IH]; simpl; fold sum.
      + induction rest as [|x rest IH]; simpl; fold sum; lra.
      + rewrite IH; ring. }
  unfold squares; rewrite (map_map fst Rsqr); split.
  - exact (eq_trans (D (fun a => a)) (F (fun a => a) eq_refl eq_refl)).
  - exact (eq_trans (D Rsqr) (F Rsqr Rsqr_1 Rsqr_0)).
Qed.

(** The product of at most d roundings out of a mean-independent sequence. *)
Theorem product_of_roundings u lambda d (order path rest : list variable) :
  0 <= lambda -> 0 <= u < 1 -> mean_independent order -> Forall (random s) order ->
  Forall (fun e : variable => forall w, Rabs (e w) <= u) order ->
  Permutation order (path ++ rest) -> (length path <= d)%nat ->
  1 - 2 * exp (- (lambda ^ 2 / 2)) <=
    probability (fun w => Rabs (product w path - 1)) (fun _ => growth lambda d u).
Proof.
  intros Hl U I X B P D.
  assert (Xp : Forall (random s) path) by (apply (Permutation_Forall P), Forall_app in X; tauto).
  assert (Bp : Forall (fun e : variable => forall w, Rabs (e w) <= u) path)
    by (apply (Permutation_Forall P), Forall_app in B; tauto).
  destruct (selection _ _ _ P) as [m M]; set (cs := map (fun _ => u) order).
  assert (W : within cs order).
  { unfold cs; clear -B; induction B; simpl; constructor; assumption. }
  assert (N : two_norm m cs = sqrt (INR (length path)) * u).
  { unfold two_norm, cs, squares at 2; rewrite map_map, (proj2 (M (fun _ => Rsqr u))).
    replace (sum _) with (INR (length path) * Rsqr u).
    - rewrite sqrt_mult, sqrt_Rsqr; [reflexivity | lra | apply pos_INR | apply Rle_0_sqr].
    - clear; induction path as [|e path IH]; [simpl; ring|].
      change (length (e :: path)) with (S (length path)); rewrite S_INR; simpl; fold sum.
      rewrite <- IH; ring. }
  apply Rle_trans with (1 := azuma cs order m lambda Hl I X W); apply probability_le.
  - apply random_abs, random_dot, X.
  - apply random_constant.
  - apply (random_abs (fun w => product w path - 1)), random_minus; [|apply random_constant].
    clear -Xp; induction Xp as [|e path E _ IH]; simpl; random.
  - apply random_constant.
  - intros w H; unfold drawn in H; rewrite (proj1 (M (fun x => x w))), N in H.
    assert (Bw : Forall (fun e : variable => Rabs (e w) <= u) path)
      by (apply Forall_impl with (2 := Bp); intros e E; apply E).
    destruct (product_logarithm u w path ltac:(lra) Bw) as [Q L]; apply near_one; [exact Q|].
    replace (ln _) with (sum (drawn w path) + (ln (product w path) - sum (drawn w path))) by ring.
    apply Rle_trans with (1 := Rabs_triang _ _).
    assert (D' := le_INR _ _ D); assert (A := pos_INR (length path)).
    assert (sqrt (INR (length path)) <= sqrt (INR d)) by (apply sqrt_le_1; lra).
    assert (lambda * (sqrt (INR (length path)) * u) <= lambda * sqrt (INR d) * u).
    { rewrite Rmult_assoc; apply Rmult_le_compat_l; [exact Hl|]; apply Rmult_le_compat_r; lra. }
    set (v := u ^ 2 / (2 * (1 - u))) in *; assert (V : 0 <= v).
    { apply Rmult_le_pos; [apply pow2_ge_0 | apply Rlt_le, Rinv_0_lt_compat; lra]. }
    replace (INR d * u ^ 2 / (1 - u)) with (INR d * v + INR d * v) by (unfold v; field; lra).
    assert (INR (length path) * v <= INR d * v) by (apply Rmult_le_compat_r; assumption).
    assert (0 <= INR d * v) by (apply Rmult_le_pos; lra); unfold drawn in *; lra.
Qed.

(** * The tree of roundings *)

(** The tree in one outcome. *)
Fixpoint draw (w : outcome s) (t : schedule variable) : schedule R :=
  match t with
  | Exact x => Exact (x w)
  | Add l r => Add (draw w l) (draw w r)
  | Scale c t => Scale (c w) (draw w t)
  end.

Fixpoint inputs (t : schedule variable) : list variable :=
  match t with
  | Exact x => [x]
  | Add l r => inputs l ++ inputs r
  | Scale c t => c :: inputs t
  end.

Fixpoint addends (t : schedule variable) : nat :=
  match t with
  | Exact _ => 1
  | Add l r => addends l + addends r
  | Scale _ t => addends t
  end.

Section Rounding.

Variables (rnd : R -> R) (u : R).
Hypothesis Hu : 0 <= u < 1.

Definition result (t : schedule variable) : variable := fun w => computed rnd (draw w t).

(** What is rounded: the exact sums and products of results. *)
Fixpoint rounded (t : schedule variable) : list variable :=
  match t with
  | Exact _ => []
  | Add l r => rounded l ++ rounded r ++ [fun w => result l w + result r w]
  | Scale c t => rounded t ++ [fun w => c w * result t w]
  end.

(** The relative error; 0 at 0, as x / 0 = x * / 0. *)
Definition error (y : variable) : variable := fun w => (rnd (y w) - y w) / y w.

(** No underflow: the error is relative. *)
Definition precise (y : variable) : Prop := forall w, Rabs (rnd (y w) - y w) <= u * Rabs (y w).

Lemma rnd_zero (y : variable) w : precise y -> y w = 0 -> rnd (y w) - y w = 0.
Proof.
  intros P Z; specialize (P w); rewrite Z, Rabs_R0, Rmult_0_r in P; rewrite Z.
  destruct (Req_dec (rnd 0 - 0) 0) as [E | N]; [exact E | apply Rabs_pos_lt in N; lra].
Qed.

Lemma rnd_error (y : variable) w : precise y -> rnd (y w) = y w * (1 + error y w).
Proof.
  intros P; unfold error; destruct (Req_dec (y w) 0) as [Z | N]; [|field; exact N].
  assert (E := rnd_zero y w P Z); rewrite E; rewrite Z in *; lra.
Qed.

Lemma error_bound (y : variable) : precise y -> forall w, Rabs (error y w) <= u.
Proof.
  intros P w; unfold error; destruct (Req_dec (y w) 0) as [Z | N].
  - rewrite (rnd_zero y w P Z); unfold Rdiv; rewrite Rmult_0_l, Rabs_R0; lra.
  - unfold Rdiv; rewrite Rabs_mult, Rabs_inv; apply Rabs_pos_lt in N.
    apply Rmult_le_reg_r with (Rabs (y w)); [exact N|].
    rewrite Rmult_assoc, Rinv_l, Rmult_1_r by lra; apply P.
Qed.

(** Each addend, scaled, with the errors of the roundings that it passes. *)
Definition pass (c e : variable) (p : variable * list variable) : variable * list variable :=
  (fun w => c w * fst p w, snd p ++ [e]).

Fixpoint paths (t : schedule variable) : list (variable * list variable) :=
  match t with
  | Exact x => [(x, [])]
  | Add l r => map (pass (fun _ => 1) (error (fun w => result l w + result r w))) (paths l ++ paths r)
  | Scale c t => map (pass c (error (fun w => c w * result t w))) (paths t)
  end.

Lemma sum_pass c e f k ps :
  (forall p, f (pass c e p) = k * f p) -> sum (map f (map (pass c e) ps)) = k * sum (map f ps).
Proof.
  intros F; induction ps as [|p ps IH]; simpl; [ring|]; fold sum; rewrite F, IH; ring.
Qed.

Lemma sum_app f (ps qs : list (variable * list variable)) :
  sum (map f (ps ++ qs)) = sum (map f ps) + sum (map f qs).
Proof. induction ps as [|p ps IH]; simpl; [ring|]; fold sum; rewrite IH; ring. Qed.

Lemma product_snoc w path e : product w (path ++ [e]) = product w path * (1 + e w).
Proof. induction path as [|x path IH]; simpl; [ring|]; rewrite IH; ring. Qed.

Lemma paths_value w t : value (draw w t) = sum (map (fun p => fst p w) (paths t)).
Proof.
  induction t as [x | l L r R | c t T]; simpl; [ring | |].
  - rewrite sum_pass with (k := 1), sum_app, L, R by (intros p; reflexivity); ring.
  - rewrite sum_pass with (k := c w), T by (intros p; reflexivity); ring.
Qed.

Lemma paths_magnitude w t : magnitude (draw w t) = sum (map (fun p => Rabs (fst p w)) (paths t)).
Proof.
  induction t as [x | l L r R | c t T]; simpl; [ring | |].
  - rewrite sum_pass with (k := 1), sum_app, L, R by (intros p; simpl; now rewrite !Rmult_1_l); ring.
  - rewrite sum_pass with (k := Rabs (c w)), T by (intros p; apply Rabs_mult); ring.
Qed.

Lemma paths_result w t : Forall precise (rounded t) ->
  result t w = sum (map (fun p => fst p w * product w (snd p)) (paths t)).
Proof.
  induction t as [x | l L r R | c t T]; simpl; [unfold result; simpl; intros _; ring | |]; intros F.
  - apply Forall_app in F; destruct F as [Fl F]; apply Forall_app in F; destruct F as [Fr F].
    inversion F as [|? ? P _]; subst; set (y w := result l w + result r w) in *.
    rewrite sum_pass with (k := 1 + error y w), sum_app, <- L, <- R by
      (assumption || (intros p; simpl; rewrite product_snoc; ring)).
    change (result (Add l r) w) with (rnd (y w)); rewrite (rnd_error y w P); unfold y at 1; ring.
  - apply Forall_app in F; destruct F as [Ft F].
    inversion F as [|? ? P _]; subst; set (y w := c w * result t w) in *.
    rewrite sum_pass with (k := c w * (1 + error y w)), <- T by
      (assumption || (intros p; simpl; rewrite product_snoc; ring)).
    change (result (Scale c t) w) with (rnd (y w)); rewrite (rnd_error y w P); unfold y at 1; ring.
Qed.

Lemma paths_addends t : length (paths t) = addends t.
Proof.
  induction t as [x | l L r R | c t T]; simpl; rewrite ?map_length, ?app_length; congruence.
Qed.

Lemma paths_random t : Forall (random s) (inputs t) -> Forall (fun p => random s (fst p)) (paths t).
Proof.
  induction t as [x | l L r R | c t T]; simpl; intros F.
  - inversion F; now constructor.
  - apply Forall_app in F; destruct F as [Fl Fr]; apply Forall_map, Forall_app; split;
      (eapply Forall_impl; [|now (apply L || apply R)]); intros p P; simpl; random.
  - inversion F; subst; apply Forall_map; eapply Forall_impl; [|now apply T].
    intros p P; simpl; random.
Qed.

Lemma paths_depth t : Forall (fun p => (length (snd p) <= depth t)%nat) (paths t).
Proof.
  induction t as [x | l L r R | c t T]; simpl.
  - now repeat constructor.
  - apply Forall_map, Forall_app; split; [apply Forall_impl with (2 := L) | apply Forall_impl with (2 := R)];
      intros p P; simpl; rewrite app_length; simpl; lia.
  - apply Forall_map; apply Forall_impl with (2 := T).
    intros p P; simpl; rewrite app_length; simpl; lia.
Qed.

(** The errors of a path are among those of the tree. *)
Definition among (order : list variable) (p : variable * list variable) : Prop :=
  exists rest, Permutation order (snd p ++ rest).

Lemma paths_errors t : Forall (among (map error (rounded t))) (paths t).
Proof.
  induction t as [x | l L r R | c t T]; simpl.
  - repeat constructor; now exists [].
  - rewrite !map_app; apply Forall_app; split; apply Forall_map;
      [apply Forall_impl with (2 := L) | apply Forall_impl with (2 := R)];
      intros p [rest P]; unfold among; simpl; set (e := error _).
    + exists (rest ++ map error (rounded r)); rewrite P, <- !app_assoc; apply Permutation_app_head.
      rewrite app_assoc; apply Permutation_app_comm.
    + exists (rest ++ map error (rounded l)); rewrite P, Permutation_app_comm, <- !app_assoc.
      apply Permutation_app_head; rewrite !app_assoc; apply Permutation_app_tail, Permutation_app_comm.
  - rewrite map_app; apply Forall_map, Forall_impl with (2 := T).
    intros p [rest P]; unfold among; simpl; exists rest; rewrite P, <- !app_assoc.
    apply Permutation_app_head, Permutation_app_comm.
Qed.

(** * The theorem *)

Lemma random_sum f (ps : list (variable * list variable)) :
  Forall (fun p => random s (f p)) ps -> random s (fun w => sum (map (fun p => f p w) ps)).
Proof. induction 1; simpl; random. Qed.

(** The roundings change each addend by little: so they do the sum. *)
Lemma sum_growth g w (ps : list (variable * list variable)) :
  Forall (fun p => Rabs (product w (snd p) - 1) <= g) ps ->
  Rabs (sum (map (fun p => fst p w * product w (snd p)) ps) - sum (map (fun p => fst p w) ps))
    <= g * sum (map (fun p => Rabs (fst p w)) ps).
Proof.
  induction 1 as [|p ps P _ IH]; simpl; [rewrite Rminus_0_r, Rabs_R0; lra|]; fold sum.
  replace (_ - _) with (fst p w * (product w (snd p) - 1)
    + (sum (map (fun p => fst p w * product w (snd p)) ps) - sum (map (fun p => fst p w) ps))) by ring.
  apply Rle_trans with (1 := Rabs_triang _ _); rewrite Rabs_mult.
  assert (A := Rmult_le_compat_l _ _ _ (Rabs_pos (fst p w)) P); lra.
Qed.

Theorem inner_product lambda delta a a' b t order (N := INR (addends t)) :
  0 <= lambda ->
  (* The data: remainders of at most delta, mean-independent with mean zero. *)
  length a = length a' -> Forall (random s) a -> Forall (random s) a' ->
  within delta (remainders a a') -> mean_independent (remainders a a') ->
  (* The roundings: of some sum of a' b, without underflow, mean-independent in some order. *)
  (forall w, value (draw w t) = dot (drawn w a') b) -> Forall (random s) (inputs t) ->
  Forall precise (rounded t) -> Forall (random s) order ->
  Permutation order (map error (rounded t)) -> mean_independent order ->
  1 - 2 * (N + 1) * exp (- (lambda ^ 2 / 2)) <=
    probability
      (fun w => Rabs (computed rnd (draw w t) - dot (drawn w a) b))
      (fun w => lambda * two_norm b delta + growth lambda (depth t) u * magnitude (draw w t)).
Proof.
  intros Hl E A A' W I V X P O OP OI; set (g := growth lambda (depth t) u).
  assert (B : Forall (fun e : variable => forall w, Rabs (e w) <= u) order).
  { apply (Permutation_Forall (Permutation_sym OP)), Forall_map.
    apply Forall_impl with (2 := P); exact error_bound. }
  assert (Xp : Forall (fun p => random s (fst p) /\ random s (fun w => product w (snd p))) (paths t)).
  { assert (R := paths_random t X); assert (Q := paths_errors t).
    rewrite Forall_forall in R, Q |- *; intros p H; split; [now apply R|].
    destruct (Q p H) as [rest Q']; rewrite <- OP in Q'; apply (Permutation_Forall Q'), Forall_app in O.
    destruct O as [O _]; clear -O; induction O; simpl; random. }
  set (r w := dot b (drawn w (remainders a a'))).
  assert (Rr : random s r) by now apply random_dot, random_remainders.
  set (data := (fun w => Rabs (r w), fun _ : outcome s => lambda * two_norm b delta)).
  set (miss (p : variable * list variable) := (fun w => Rabs (product w (snd p) - 1), fun _ : outcome s => g)).
  replace (2 * (N + 1) * _) with (INR (length (data :: map miss (paths t))) * (2 * exp (- (lambda ^ 2 / 2)))).
  2: { change (length (data :: _)) with (S (length (map miss (paths t)))).
       rewrite S_INR, map_length, paths_addends; fold N; ring. }
  apply union.
  - constructor.
    + split; [now apply random_abs | split; [exact (random_constant s _) |]].
      apply azuma; try assumption; now apply random_remainders.
    + apply Forall_map; assert (Q := paths_errors t); assert (D := paths_depth t).
      rewrite Forall_forall in Xp, Q, D |- *; intros p H; destruct (Q p H) as [rest Q'].
      split; [|split; [exact (random_constant s _) |]].
      * apply (random_abs (fun w => product w (snd p) - 1)), random_minus; [now apply Xp | random].
      * rewrite <- OP in Q'; now apply product_of_roundings with order rest; [..| apply D].
  - apply (random_abs (fun w => computed rnd (draw w t) - dot (drawn w a) b)), random_minus.
    + replace (fun w => _) with (fun w => sum (map (fun p => fst p w * product w (snd p)) (paths t))).
      * apply (random_sum (fun p w => fst p w * product w (snd p))).
        apply Forall_impl with (2 := Xp); intros p [R1 R2]; random.
      * apply functional_extensionality; intros w; symmetry; now apply paths_result.
    + replace (fun w => _) with (fun w => dot b (drawn w a)); [now apply random_dot|].
      apply functional_extensionality; intros w; apply dot_comm.
  - replace (fun w => _) with (fun w => lambda * two_norm b delta
      + g * sum (map (fun p => Rabs (fst p w)) (paths t))).
    + random; apply (random_sum (fun p w => Rabs (fst p w))).
      apply Forall_impl with (2 := Xp); intros p [R1 _]; now apply random_abs.
    + apply functional_extensionality; intros w; now rewrite paths_magnitude.
  - intros w H; inversion H as [|? ? D M]; subst; simpl in D; apply (Forall_map miss) in M; simpl in M.
    assert (G := sum_growth g w (paths t) M).
    rewrite <- paths_result, <- paths_value, <- paths_magnitude in G by exact P.
    replace (_ - _) with ((result t w - value (draw w t)) - r w).
    + apply Rle_trans with (1 := Rabs_triang _ _); rewrite Rabs_Ropp; lra.
    + unfold r; rewrite <- (dot_remainders w a a' b E), V; unfold result; ring.
Qed.

(** The probability as Higham and Mary have it. *)
Theorem gemm_probabilistic lambda delta a a' b t order (N := INR (addends t)) :
  0 <= lambda ->
  length a = length a' -> Forall (random s) a -> Forall (random s) a' ->
  within delta (remainders a a') -> mean_independent (remainders a a') ->
  (forall w, value (draw w t) = dot (drawn w a') b) -> Forall (random s) (inputs t) ->
  Forall precise (rounded t) -> Forall (random s) order ->
  Permutation order (map error (rounded t)) -> mean_independent order ->
  1 - 2 * (N + 1) * exp (- (lambda ^ 2 * (1 - u) ^ 2 / 2)) <=
    probability
      (fun w => Rabs (computed rnd (draw w t) - dot (drawn w a) b))
      (fun w => lambda * two_norm b delta + growth lambda (depth t) u * magnitude (draw w t)).
Proof.
  intros Hl E A A' W I V X P O OP OI.
  apply Rle_trans with (2 := inner_product lambda delta a a' b t order Hl E A A' W I V X P O OP OI).
  fold N; assert (C := pos_INR (addends t)); fold N in C.
  assert (exp (- (lambda ^ 2 / 2)) <= exp (- (lambda ^ 2 * (1 - u) ^ 2 / 2))).
  { apply exp_le; assert (L := pow2_ge_0 lambda); assert (U : (1 - u) ^ 2 <= 1) by (simpl; nra).
    assert (Q := Rmult_le_compat_l _ _ _ L U); lra. }
  assert (2 * (N + 1) * exp (- (lambda ^ 2 / 2)) <= 2 * (N + 1) * exp (- (lambda ^ 2 * (1 - u) ^ 2 / 2)));
    [apply Rmult_le_compat_l; lra | lra].
Qed.

End Rounding.

End Products.

(** Two fair coins: a space, and a sequence that is mean-independent in it. *)
Definition coins : list (bool * bool * R) :=
  [(true, true, / 4); (true, false, / 4); (false, true, / 4); (false, false, / 4)].

Lemma coins_pos : Forall (fun p => 0 <= snd p) coins.
Proof. repeat constructor; simpl; lra. Qed.

Lemma coins_one : sum (map snd coins) = 1.
Proof. simpl; lra. Qed.

Definition sign (b : bool) : R := if b then 1 else -1.

Theorem coins_mean_independent :
  mean_independent (finite_space _ coins coins_pos coins_one)
    [fun w => sign (fst w); fun w => sign (snd w)].
Proof.
  intros earlier x later E m; destruct earlier as [|y [|z earlier]]; inversion E; subst.
  - simpl; unfold finite_mean; simpl; ring.
  - simpl; unfold finite_mean; destruct m; simpl; ring.
  - match goal with H : [] = _ ++ _ :: _ |- _ => now destruct earlier end.
Qed.

(** In binary32 the error is relative where nothing underflows. *)
Theorem no_underflow x :
  x = 0 \/ pow2 (-126) <= Rabs x -> Rabs (binary32 x - x) <= pow2 (-24) * Rabs x.
Proof.
  intros [-> | H].
  - unfold binary32, binary; rewrite round_0 by auto with typeclass_instances.
    rewrite Rminus_0_r, Rabs_R0; lra.
  - assert (P : Prec_gt_0 24) by reflexivity.
    apply Rle_trans with (1 := relative_error_N_FLT radix2 (-149) 24 P _ x H).
    simpl; assert (A := Rabs_pos x); lra.
Qed.
