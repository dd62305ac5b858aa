(** Inner products, with high probability: the whole error as one martingale; stochastic rounding. *)

From Coq Require Import Permutation FunctionalExtensionality.
From Msdnum Require Import InnerProduct Probability.

(** * Trees whose roundings are random *)

Section Martingale.

Variable s : space.
Notation variable := (outcome s -> R).
Notation drawn := (Probability.drawn s).
Notation mean_independent := (Probability.mean_independent s).
Notation remainders := (Probability.remainders s).

(** Inputs, exact sums and products by constants, and roundings: z is what became of the result of
    t, within v of it, relative. An input x counts with a magnitude of m. *)
Inductive noisy :=
  | Known (x : variable) (m : R)
  | Sum (l r : noisy)
  | Scaled (c : R) (t : noisy)
  | Randomly (v : R) (z : variable) (t : noisy).

(** What is computed. *)
Fixpoint outcome_of (t : noisy) : variable :=
  match t with
  | Known x _ => x
  | Sum l r => fun w => outcome_of l w + outcome_of r w
  | Scaled c t => fun w => c * outcome_of t w
  | Randomly _ z _ => z
  end.

(** What it would be without roundings. *)
Fixpoint exactly (t : noisy) : variable :=
  match t with
  | Known x _ => x
  | Sum l r => fun w => exactly l w + exactly r w
  | Scaled c t => fun w => c * exactly t w
  | Randomly _ _ t => exactly t
  end.

Fixpoint sound (t : noisy) : Prop :=
  match t with
  | Known x m => random s x /\ 0 <= m /\ forall w, Rabs (x w) <= m
  | Sum l r => sound l /\ sound r
  | Scaled _ t => sound t
  | Randomly v z t =>
      0 <= v /\ random s z /\ (forall w, Rabs (z w - outcome_of t w) <= v * Rabs (outcome_of t w)) /\
      sound t
  end.

(** The sum of the magnitudes, and the largest that a result can be. *)
Fixpoint gross (t : noisy) : R :=
  match t with
  | Known _ m => m
  | Sum l r => gross l + gross r
  | Scaled c t => Rabs c * gross t
  | Randomly _ _ t => gross t
  end.

Fixpoint cap (t : noisy) : R :=
  match t with
  | Known _ m => m
  | Sum l r => cap l + cap r
  | Scaled c t => Rabs c * cap t
  | Randomly v _ t => (1 + v) * cap t
  end.

Fixpoint roundings (t : noisy) : nat :=
  match t with
  | Known _ _ => 0
  | Sum l r => max (roundings l) (roundings r)
  | Scaled _ t => roundings t
  | Randomly _ _ t => S (roundings t)
  end.

(** An error, the weight with which it reaches the result, and its largest magnitude. *)
Record part := Part { weight : R; part_error : variable; limit : R }.

Definition weighted (c : R) (p : part) : part := Part (c * weight p) (part_error p) (limit p).

Fixpoint errors (t : noisy) : list part :=
  match t with
  | Known _ _ => []
  | Sum l r => errors l ++ errors r
  | Scaled c t => map (weighted c) (errors t)
  | Randomly v z t => errors t ++ [Part 1 (fun w => z w - outcome_of t w) (v * cap t)]
  end.

(** What a decomposition leaves, each with a weight and a limit. *)
Fixpoint left_over (b : list R) (rs : list variable) (delta : list R) : list part :=
  match b, rs, delta with
  | y :: b, r :: rs, d :: delta => Part (- y) r d :: left_over b rs delta
  | _, _, _ => []
  end.

Definition contribution (w : outcome s) (p : part) : R := weight p * part_error p w.
Definition variance (ps : list part) : R := sum (map (fun p => (weight p * limit p) ^ 2) ps).

Definition good (p : part) : Prop :=
  random s (part_error p) /\ forall w, Rabs (part_error p w) <= limit p.

Lemma sum_app (xs ys : list R) : sum (xs ++ ys) = sum xs + sum ys.
Proof. induction xs as [|x xs IH]; simpl; [ring|]; fold sum; rewrite IH; ring. Qed.

Lemma sum_permutation (xs ys : list R) : Permutation xs ys -> sum xs = sum ys.
Proof. induction 1; simpl; fold sum; lra. Qed.

(** The error of the result is a sum of those of the roundings: no products, no second order. *)
Lemma errors_add w t :
  outcome_of t w - exactly t w = sum (map (contribution w) (errors t)).
Proof.
  induction t as [x m | l L r R | c t T | v z t T]; simpl.
  - ring.
  - rewrite map_app, sum_app, <- L, <- R; ring.
  - rewrite map_map; unfold weighted, contribution; simpl.
    replace (sum (map _ (errors t))) with (c * sum (map (contribution w) (errors t))).
    + rewrite <- T; ring.
    + clear; induction (errors t) as [|p ps IH]; simpl; [ring|]; fold sum; rewrite <- IH.
      unfold contribution; ring.
  - rewrite map_app, sum_app, <- T; unfold contribution; simpl; ring.
Qed.

Lemma outcome_cap t : sound t -> 0 <= cap t /\ forall w, Rabs (outcome_of t w) <= cap t.
Proof.
  induction t as [x m | l L r R | c t T | v z t T]; simpl.
  - easy.
  - intros [Sl Sr]; destruct (L Sl) as [Pl Bl], (R Sr) as [Pr Br]; split; [lra|]; intros w.
    apply Rle_trans with (1 := Rabs_triang _ _); specialize (Bl w); specialize (Br w); lra.
  - intros Hs; destruct (T Hs) as [P B]; assert (C := Rabs_pos c).
    split; [now apply Rmult_le_pos|]; intros w; rewrite Rabs_mult.
    apply Rmult_le_compat_l; [exact C | apply B].
  - intros (V & _ & Z & Hs); destruct (T Hs) as [P B]; split; [apply Rmult_le_pos; lra|]; intros w.
    specialize (B w); specialize (Z w).
    replace (z w) with (outcome_of t w + (z w - outcome_of t w)) by ring.
    apply Rle_trans with (1 := Rabs_triang _ _).
    assert (v * Rabs (outcome_of t w) <= v * cap t) by (apply Rmult_le_compat_l; lra); lra.
Qed.

Lemma random_outcome t : sound t -> random s (outcome_of t).
Proof.
  induction t as [x m | l L r R | c t T | v z t T]; simpl; [easy | | |].
  - intros [Sl Sr]; apply random_plus; [now apply L | now apply R].
  - intros Hs; apply (random_mult s (fun _ => c)); [apply random_constant | now apply T].
  - easy.
Qed.

Lemma good_errors t : sound t -> Forall good (errors t).
Proof.
  induction t as [x m | l L r R | c t T | v z t T]; simpl.
  - constructor.
  - intros [Sl Sr]; apply Forall_app; split; [now apply L | now apply R].
  - intros Hs; apply Forall_map, Forall_impl with (2 := T Hs); intros p [P Q]; split; assumption.
  - intros (V & Z & E & Hs); apply Forall_app; split; [now apply T|]; constructor; [|constructor].
    destruct (outcome_cap t Hs) as [P B]; split; simpl.
    + apply (random_minus s z); [exact Z | now apply random_outcome].
    + intros w; apply Rle_trans with (1 := E w); apply Rmult_le_compat_l; [exact V | apply B].
Qed.

Lemma good_left b rs delta :
  Forall (random s) rs -> within s delta rs -> Forall good (left_over b rs delta).
Proof.
  intros X W; revert b; induction W as [|d r delta rs D _ IH]; intros [|y b]; simpl; constructor.
  - inversion X; subst; now split.
  - inversion X; subst; now apply IH.
Qed.

Lemma left_adds w b rs delta : length delta = length rs ->
  sum (map (contribution w) (left_over b rs delta)) = - dot b (drawn w rs).
Proof.
  revert b delta; induction rs as [|r rs IH]; intros [|y b] [|d delta] E; try discriminate E; simpl;
    try ring.
  injection E as E; fold sum; rewrite IH by exact E; unfold contribution; simpl; ring.
Qed.

Lemma variance_cons p ps : variance (p :: ps) = (weight p * limit p) ^ 2 + variance ps.
Proof. reflexivity. Qed.

(** One martingale: the parts, in the order in which each has mean zero given those before it. *)
Lemma one_martingale lambda parts :
  0 <= lambda -> Forall good parts -> mean_independent (map part_error parts) ->
  1 - 2 * exp (- (lambda ^ 2 / 2)) <=
    probability s (fun w => Rabs (sum (map (contribution w) parts)))
      (fun _ => lambda * sqrt (variance parts)).
Proof.
  intros Hl G I.
  assert (X : Forall (random s) (map part_error parts))
    by (apply Forall_map, Forall_impl with (2 := G); now intros p [P _]).
  assert (W : within s (map limit parts) (map part_error parts)).
  { clear -G; induction G as [|p ps [_ P] _ IH]; simpl; constructor; assumption. }
  assert (A := azuma s _ _ (map weight parts) lambda Hl I X W).
  replace (two_norm (map weight parts) (map limit parts)) with (sqrt (variance parts)) in A.
  - replace (fun w => Rabs (sum (map (contribution w) parts)))
      with (fun w => Rabs (dot (map weight parts) (drawn w (map part_error parts)))); [exact A|].
    apply functional_extensionality; intros w; f_equal; clear.
    induction parts as [|p ps IH]; simpl; [reflexivity|]; fold sum; rewrite <- IH; reflexivity.
  - unfold two_norm; f_equal; clear.
    induction parts as [|p ps IH]; [reflexivity|].
    rewrite variance_cons, IH; simpl; unfold Rsqr; ring.
Qed.

Lemma variance_permutation ps qs : Permutation ps qs -> variance ps = variance qs.
Proof. intros P; unfold variance; now apply sum_permutation, Permutation_map. Qed.

Lemma variance_app ps qs : variance (ps ++ qs) = variance ps + variance qs.
Proof. unfold variance; rewrite map_app; apply sum_app. Qed.

(** The bound, with the limit of every single part. *)
Theorem martingale lambda b a a' delta t order :
  0 <= lambda ->
  (* The data: remainders of at most delta; the sum is of a' b. *)
  length a = length a' -> Forall (random s) a -> Forall (random s) a' ->
  within s delta (remainders a a') ->
  (forall w, exactly t w = dot (drawn w a') b) -> sound t ->
  (* Remainders and errors of roundings, in some order, have mean zero given those before. *)
  Permutation order (left_over b (remainders a a') delta ++ errors t) ->
  mean_independent (map part_error order) ->
  1 - 2 * exp (- (lambda ^ 2 / 2)) <=
    probability s (fun w => Rabs (outcome_of t w - dot (drawn w a) b))
      (fun _ => lambda * sqrt (variance (left_over b (remainders a a') delta) + variance (errors t))).
Proof.
  intros Hl E A A' W V Hs P I; set (data := left_over _ _ _) in *.
  assert (R := random_remainders s a a' A A').
  assert (G : Forall good order).
  { apply (Permutation_Forall (Permutation_sym P)), Forall_app; split;
      [now apply good_left | now apply good_errors]. }
  assert (M := one_martingale lambda order Hl G I).
  rewrite (variance_permutation _ _ P), variance_app in M.
  replace (fun w => Rabs (outcome_of t w - dot (drawn w a) b))
    with (fun w => Rabs (sum (map (contribution w) order))); [exact M|].
  apply functional_extensionality; intros w; f_equal.
  rewrite (sum_permutation _ _ (Permutation_map (contribution w) P)), map_app, sum_app.
  unfold data; rewrite left_adds by now apply (within_length s).
  rewrite <- errors_add, V, <- (dot_remainders s w a a' b E); ring.
Qed.

(** * The variance of the roundings: depth d, and at most u each *)

Fixpoint at_most (u : R) (t : noisy) : Prop :=
  match t with
  | Known _ _ => True
  | Sum l r => at_most u l /\ at_most u r
  | Scaled _ t => at_most u t
  | Randomly v _ t => v <= u /\ at_most u t
  end.

Lemma gross_pos t : sound t -> 0 <= gross t.
Proof.
  induction t as [x m | l L r R | c t T | v z t T]; simpl; [easy | | |].
  - intros [Sl Sr]; specialize (L Sl); specialize (R Sr); lra.
  - intros Hs; apply Rmult_le_pos; [apply Rabs_pos | now apply T].
  - intros (_ & _ & _ & Hs); now apply T.
Qed.

Lemma grown u n m : 0 <= u -> (n <= m)%nat -> (1 + u) ^ n <= (1 + u) ^ m.
Proof. intros U N; apply Rle_pow; [lra | exact N]. Qed.

Lemma cap_bound u t : 0 <= u -> sound t -> at_most u t -> cap t <= (1 + u) ^ roundings t * gross t.
Proof.
  intros U; induction t as [x m | l L r R | c t T | v z t T]; simpl.
  - intros _ _; lra.
  - intros [Sl Sr] [Al Ar]; specialize (L Sl Al); specialize (R Sr Ar).
    assert (Gl := gross_pos l Sl); assert (Gr := gross_pos r Sr).
    assert (Nl := grown u _ _ U (Nat.le_max_l (roundings l) (roundings r))).
    assert (Nr := grown u _ _ U (Nat.le_max_r (roundings l) (roundings r))).
    set (g := (1 + u) ^ max _ _) in *.
    assert ((1 + u) ^ roundings l * gross l <= g * gross l) by (apply Rmult_le_compat_r; lra).
    assert ((1 + u) ^ roundings r * gross r <= g * gross r) by (apply Rmult_le_compat_r; lra); lra.
  - intros Hs A; specialize (T Hs A); apply (Rmult_le_compat_l (Rabs c)) in T; [lra | apply Rabs_pos].
  - intros (V & _ & _ & Hs) [Vu A]; specialize (T Hs A).
    destruct (outcome_cap t Hs) as [P _].
    apply Rle_trans with ((1 + u) * cap t); [apply Rmult_le_compat_r; lra|].
    rewrite Rmult_assoc; apply Rmult_le_compat_l; lra.
Qed.

Lemma variance_scaled c ps : variance (map (weighted c) ps) = c ^ 2 * variance ps.
Proof.
  induction ps as [|p ps IH]; [unfold variance; simpl; ring|].
  cbn [map]; rewrite !variance_cons, IH; simpl; ring.
Qed.

Lemma variance_bound u t (g := (1 + u) ^ roundings t) :
  0 <= u -> sound t -> at_most u t ->
  variance (errors t) <= INR (roundings t) * (u * (g * gross t)) ^ 2.
Proof.
  intros U; unfold g; clear g; induction t as [x m | l L r R | c t T | v z t T].
  - unfold variance; simpl; lra.
  - intros [Sl Sr] [Al Ar]; specialize (L Sl Al); specialize (R Sr Ar); simpl errors; simpl gross.
    rewrite variance_app; simpl roundings.
    assert (Gl := gross_pos l Sl); assert (Gr := gross_pos r Sr).
    assert (Nl := grown u _ _ U (Nat.le_max_l (roundings l) (roundings r))).
    assert (Nr := grown u _ _ U (Nat.le_max_r (roundings l) (roundings r))).
    assert (Dl := le_INR _ _ (Nat.le_max_l (roundings l) (roundings r))).
    assert (Dr := le_INR _ _ (Nat.le_max_r (roundings l) (roundings r))).
    set (g := (1 + u) ^ max _ _) in *; set (d := INR (max _ _)) in *.
    assert (Pl : 0 < (1 + u) ^ roundings l) by (apply pow_lt; lra).
    assert (Pr : 0 < (1 + u) ^ roundings r) by (apply pow_lt; lra).
    assert (step : forall n q x, 0 <= n <= d -> 0 <= q <= g -> 0 <= x ->
      n * (u * (q * x)) ^ 2 <= d * (u * (g * x)) ^ 2).
    { intros n q x N Q X; apply Rmult_le_compat; [lra | apply pow2_ge_0 | lra |].
      apply pow_incr; split; [repeat apply Rmult_le_pos; lra|].
      apply Rmult_le_compat_l; [lra|]; apply Rmult_le_compat_r; lra. }
    assert (Q1 := step _ _ _ (conj (pos_INR (roundings l)) Dl) (conj (Rlt_le _ _ Pl) Nl) Gl).
    assert (Q2 := step _ _ _ (conj (pos_INR (roundings r)) Dr) (conj (Rlt_le _ _ Pr) Nr) Gr).
    apply Rle_trans with (d * ((u * (g * gross l)) ^ 2 + (u * (g * gross r)) ^ 2)); [lra|].
    apply Rmult_le_compat_l; [apply pos_INR|].
    assert (0 <= u * (g * gross l)) by (repeat apply Rmult_le_pos; lra).
    assert (0 <= u * (g * gross r)) by (repeat apply Rmult_le_pos; lra).
    replace (u * (g * (gross l + gross r))) with (u * (g * gross l) + u * (g * gross r)) by ring.
    assert (0 <= (u * (g * gross l)) * (u * (g * gross r))) by (apply Rmult_le_pos; lra); lra.
  - intros Hs A; specialize (T Hs A); simpl errors; simpl gross; simpl roundings.
    rewrite variance_scaled; apply (Rmult_le_compat_l (c ^ 2)) in T; [|apply pow2_ge_0].
    replace (_ * (u * (_ * (Rabs c * _))) ^ 2)
      with (Rabs c ^ 2 * (INR (roundings t) * (u * ((1 + u) ^ roundings t * gross t)) ^ 2)) by ring.
    now rewrite pow2_abs.
  - intros (V & _ & _ & Hs) [Vu A]; assert (C := cap_bound u t U Hs A); specialize (T Hs A).
    destruct (outcome_cap t Hs) as [P _]; assert (G := gross_pos t Hs).
    simpl errors; simpl gross; simpl roundings; rewrite variance_app, S_INR.
    unfold variance at 2; simpl sum; rewrite Rplus_0_r, Rmult_1_l.
    set (q := (1 + u) ^ roundings t) in *; assert (Q : 0 < q) by (apply pow_lt; lra).
    set (d := INR (roundings t)) in *; assert (D : 0 <= d) by apply pos_INR.
    change ((1 + u) ^ S (roundings t)) with ((1 + u) * q).
    assert (I : q * gross t <= (1 + u) * q * gross t) by (apply Rmult_le_compat_r; nra).
    assert (N : 0 <= q * gross t) by (apply Rmult_le_pos; lra).
    assert (S1 : (u * (q * gross t)) ^ 2 <= (u * ((1 + u) * q * gross t)) ^ 2).
    { apply pow_incr; split; [apply Rmult_le_pos; lra | apply Rmult_le_compat_l; lra]. }
    assert (S2 : (v * cap t) ^ 2 <= (u * ((1 + u) * q * gross t)) ^ 2).
    { apply pow_incr; split; [apply Rmult_le_pos; lra | apply Rmult_le_compat; lra]. }
    apply (Rmult_le_compat_l d) in S1; [|exact D]; lra.
Qed.

Lemma variance_left b rs delta : length rs = length delta ->
  variance (left_over b rs delta) = dot (squares b) (squares delta).
Proof.
  revert b delta; induction rs as [|r rs IH]; intros [|y b] [|d delta] E; try discriminate E;
    try reflexivity.
  injection E as E; cbn [left_over]; rewrite variance_cons, IH by exact E; simpl; unfold Rsqr; ring.
Qed.

(** The same with the depth of the tree, as theorem gemm has it. *)
Theorem inner_product lambda u b a a' delta t order (d := roundings t) :
  0 <= lambda -> 0 <= u ->
  length a = length a' -> Forall (random s) a -> Forall (random s) a' ->
  within s delta (remainders a a') ->
  (forall w, exactly t w = dot (drawn w a') b) -> sound t -> at_most u t ->
  Permutation order (left_over b (remainders a a') delta ++ errors t) ->
  mean_independent (map part_error order) ->
  1 - 2 * exp (- (lambda ^ 2 / 2)) <=
    probability s (fun w => Rabs (outcome_of t w - dot (drawn w a) b))
      (fun _ => lambda * sqrt (two_norm b delta ^ 2 + INR d * (u * ((1 + u) ^ d * gross t)) ^ 2)).
Proof.
  intros Hl U E A A' W V Hs M P I.
  assert (T := martingale lambda b a a' delta t order Hl E A A' W V Hs P I).
  apply Rle_trans with (1 := T).
  assert (X : random s (fun w => Rabs (outcome_of t w - dot (drawn w a) b))).
  { apply (random_abs s (fun w => outcome_of t w - dot (drawn w a) b)), random_minus.
    - now apply random_outcome.
    - replace (fun w => dot (drawn w a) b) with (fun w => dot b (drawn w a));
        [now apply random_dot | apply functional_extensionality; intros w; apply dot_comm]. }
  apply probability_le; [exact X | apply random_constant | exact X | apply random_constant |].
  intros w H; apply Rle_trans with (1 := H); apply Rmult_le_compat_l; [exact Hl|].
  apply sqrt_le_1_alt, Rplus_le_compat; [|now apply variance_bound].
  rewrite variance_left by (symmetry; now apply (within_length s)).
  unfold two_norm; simpl; rewrite Rmult_1_r, sqrt_sqrt by apply dot_squares_pos; lra.
Qed.

End Martingale.

(** * Stochastic rounding: the hypotheses hold, whatever is summed *)

(** Outcomes are sequences of n choices, true for up. The next one is up with the probability
    that [chance] gives, which sees those before it. *)
Section Choices.

Variable chance : list bool -> R.
Hypothesis chance_range : forall past, 0 <= chance past <= 1.

Fixpoint expected (n : nat) (past : list bool) (f : list bool -> R) : R :=
  match n with
  | O => f past
  | S n => chance past * expected n (past ++ [true]) f
           + (1 - chance past) * expected n (past ++ [false]) f
  end.

Lemma expected_plus n past x y :
  expected n past (fun w => x w + y w) = expected n past x + expected n past y.
Proof. revert past; induction n as [|n IH]; intros past; simpl; [ring|]; rewrite !IH; ring. Qed.

Lemma expected_scale n past c x : expected n past (fun w => c * x w) = c * expected n past x.
Proof. revert past; induction n as [|n IH]; intros past; simpl; [ring|]; rewrite !IH; ring. Qed.

Lemma expected_one n past : expected n past (fun _ => 1) = 1.
Proof. revert past; induction n as [|n IH]; intros past; simpl; [ring|]; rewrite !IH; ring. Qed.

Lemma expected_le n past x y : (forall w, x w <= y w) -> expected n past x <= expected n past y.
Proof.
  intros L; revert past; induction n as [|n IH]; intros past; simpl; [apply L|].
  assert (C := chance_range past).
  apply Rplus_le_compat; apply Rmult_le_compat_l; lra || apply IH.
Qed.

Definition choices (n : nat) : space :=
  Space (list bool) (fun _ => True) (expected n []) (fun _ => I) (fun _ _ _ _ => I)
    (fun _ _ _ _ => I) (fun _ _ => I) (fun _ _ _ _ => I) (expected_one n [])
    (fun x y _ _ => expected_plus n [] x y) (fun c x _ => expected_scale n [] c x)
    (fun x y _ _ => expected_le n [] x y).

(** [x] depends on the first k choices alone. *)
Definition known (k : nat) (x : list bool -> R) : Prop :=
  forall w w', firstn k w = firstn k w' -> x w = x w'.

Lemma expected_known n past x : known (length past) x -> expected n past x = x past.
Proof.
  intros K.
  assert (G : forall m p, firstn (length past) p = past -> expected m p x = x past).
  { induction m as [|m IH]; intros p P; simpl.
    - apply K; rewrite P; symmetry; apply firstn_all.
    - assert (Q : forall c, firstn (length past) (p ++ [c]) = past).
      { intros c; rewrite firstn_app, P; replace (length past - length p)%nat with 0%nat.
        - simpl; apply app_nil_r.
        - assert (L := f_equal (@length bool) P); rewrite firstn_length in L; lia. }
      rewrite !IH by apply Q; ring. }
  apply G, firstn_all.
Qed.

(** Zero in the mean of choice k, whatever was chosen before it, is zero in the mean. *)
Lemma expected_zero k n past x :
  known (S k) x ->
  (forall p, length p = k -> chance p * x (p ++ [true]) + (1 - chance p) * x (p ++ [false]) = 0) ->
  (length past <= k)%nat -> (k < length past + n)%nat -> expected n past x = 0.
Proof.
  intros K Z; revert past; induction n as [|n IH]; intros past L N; [lia|]; simpl.
  destruct (Nat.eq_dec (length past) k) as [E | E].
  - rewrite !expected_known by (rewrite app_length; simpl; rewrite E, Nat.add_1_r; exact K).
    now apply Z.
  - rewrite !IH by (rewrite app_length; simpl; lia); ring.
Qed.

(** Errors, each of a choice of its own and of mean zero. *)
Theorem choices_mean_independent n (xs : list (list bool -> R)) :
  (length xs <= n)%nat ->
  (forall earlier x later, xs = earlier ++ x :: later -> let k := length earlier in
     known (S k) x /\
     forall p, length p = k -> chance p * x (p ++ [true]) + (1 - chance p) * x (p ++ [false]) = 0) ->
  mean_independent (choices n) xs.
Proof.
  intros N H; unfold Probability.mean_independent, drawn; cbn [outcome choices mean].
  intros earlier x later E m.
  assert (L : (length earlier < n)%nat) by (rewrite E, app_length in N; simpl in N; lia).
  destruct (H earlier x later E) as [K Z].
  assert (D : known (length earlier) (fun w => exp (dot m (map (fun y => y w) earlier)))).
  { intros w w' W; do 2 f_equal; apply map_ext_in; intros y Y.
    apply in_split in Y; destruct Y as (a & b & ->).
    destruct (H a y (b ++ x :: later)) as [Ky _]; [now rewrite E, <- app_assoc|].
    apply Ky; rewrite app_length in W; simpl in W.
    assert (F : forall v : list bool,
      firstn (S (length a)) v = firstn (S (length a)) (firstn (length a + S (length b)) v)).
    { intros v; rewrite firstn_firstn; f_equal; lia. }
    now rewrite F, W, <- F. }
  apply (expected_zero (length earlier)).
  - intros w w' W; rewrite (K w w' W); f_equal; apply D.
    assert (F : forall v : list bool,
      firstn (length earlier) v = firstn (length earlier) (firstn (S (length earlier)) v)).
    { intros v; rewrite firstn_firstn; f_equal; lia. }
    now rewrite F, W, <- F.
  - intros p P; set (e := fun w => exp _) in D.
    assert (Q : forall c, e (p ++ [c]) = e p).
    { intros c; apply D; rewrite <- P, firstn_app, Nat.sub_diag, firstn_all; simpl; apply app_nil_r. }
    change (chance p * (x (p ++ [true]) * e (p ++ [true]))
      + (1 - chance p) * (x (p ++ [false]) * e (p ++ [false])) = 0).
    rewrite !Q; replace (_ + _) with ((chance p * x (p ++ [true])
      + (1 - chance p) * x (p ++ [false])) * e p) by ring.
    rewrite Z by exact P; ring.
  - simpl; lia.
  - simpl; exact L.
Qed.

End Choices.

(** ** Sums of given numbers, every rounding stochastic *)

(** The neighbours between which a rounding chooses are functions of what is rounded: down and up. *)
Inductive plan :=
  | Number (x : R)
  | Added (l r : plan)
  | Multiplied (c : R) (t : plan)
  | Chosen (down up : R -> R) (t : plan).

Fixpoint number_of (t : plan) : nat :=
  match t with
  | Number _ => 0
  | Added l r => number_of l + number_of r
  | Multiplied _ t => number_of t
  | Chosen _ _ t => S (number_of t)
  end.

(** The result; choices are counted from i on, those of the left part first. *)
Fixpoint chosen (t : plan) (i : nat) (w : list bool) : R :=
  match t with
  | Number x => x
  | Added l r => chosen l i w + chosen r (i + number_of l) w
  | Multiplied c t => c * chosen t i w
  | Chosen down up t =>
      (if nth (i + number_of t) w false then up else down) (chosen t i w)
  end.

Fixpoint exact_sum (t : plan) : R :=
  match t with
  | Number x => x
  | Added l r => exact_sum l + exact_sum r
  | Multiplied c t => c * exact_sum t
  | Chosen _ _ t => exact_sum t
  end.

Fixpoint size (t : plan) : R :=
  match t with
  | Number x => Rabs x
  | Added l r => size l + size r
  | Multiplied c t => Rabs c * size t
  | Chosen _ _ t => size t
  end.

Fixpoint levels (t : plan) : nat :=
  match t with
  | Number _ => 0
  | Added l r => max (levels l) (levels r)
  | Multiplied _ t => levels t
  | Chosen _ _ t => S (levels t)
  end.

(** The distance from the lower neighbour, over the gap: so the mean is what is rounded. *)
Definition fraction (down up y : R) : R :=
  if Req_EM_T down up then 0 else (y - down) / (up - down).

(** The probability of going up at the next choice. *)
Fixpoint next_chance (t : plan) (i : nat) (past : list bool) : R :=
  match t with
  | Number _ => 0
  | Added l r =>
      if (length past <? i + number_of l)%nat then next_chance l i past
      else next_chance r (i + number_of l) past
  | Multiplied _ t => next_chance t i past
  | Chosen down up t =>
      if (length past <? i + number_of t)%nat then next_chance t i past
      else let y := chosen t i past in fraction (down y) (up y) y
  end.

(** Neighbours on either side, both within u of it, relative. *)
Fixpoint neighbours (u : R) (t : plan) : Prop :=
  match t with
  | Number _ => True
  | Added l r => neighbours u l /\ neighbours u r
  | Multiplied _ t => neighbours u t
  | Chosen down up t =>
      (forall y, down y <= y <= up y /\ y - down y <= u * Rabs y /\ up y - y <= u * Rabs y) /\
      neighbours u t
  end.

Lemma fraction_range down up y : down <= y <= up -> 0 <= fraction down up y <= 1.
Proof.
  intros H; unfold fraction; destruct Req_EM_T as [E | E]; [lra|].
  assert (P : 0 < up - down) by lra; split.
  - apply Rmult_le_pos; [lra | now left; apply Rinv_0_lt_compat].
  - apply Rmult_le_reg_r with (1 := P); unfold Rdiv; rewrite Rmult_assoc, Rinv_l; lra.
Qed.

Lemma fraction_mean down up y : down <= y <= up ->
  fraction down up y * (up - y) + (1 - fraction down up y) * (down - y) = 0.
Proof.
  intros H; unfold fraction; destruct Req_EM_T as [E | E]; [lra|]; field; lra.
Qed.

Lemma next_chance_range u t i past : neighbours u t -> 0 <= next_chance t i past <= 1.
Proof.
  revert i; induction t as [x | l L r R | c t T | down up t T]; intros i; simpl.
  - lra.
  - intros [Nl Nr]; destruct Nat.ltb; auto.
  - apply T.
  - intros [N Nt]; destruct Nat.ltb; [now apply T | apply fraction_range, N].
Qed.

Lemma chosen_known t i : known (i + number_of t) (chosen t i).
Proof.
  intros w w'; revert i; induction t as [x | l L r R | c t T | down up t T]; intros i W; simpl in *.
  - reflexivity.
  - rewrite (R (i + number_of l)%nat); [f_equal; apply L |].
    + assert (F : forall v : list bool, firstn (i + number_of l) v
        = firstn (i + number_of l) (firstn (i + (number_of l + number_of r)) v)).
      { intros v; rewrite firstn_firstn; f_equal; lia. }
      now rewrite F, W, <- F.
    + rewrite <- Nat.add_assoc; exact W.
  - f_equal; now apply T.
  - assert (F : forall v : list bool, firstn (i + number_of t) v
      = firstn (i + number_of t) (firstn (i + S (number_of t)) v)).
    { intros v; rewrite firstn_firstn; f_equal; lia. }
    rewrite (T i) by now rewrite F, W, <- F.
    replace (nth (i + number_of t) w false) with (nth (i + number_of t) w' false); [reflexivity|].
    assert (G : forall v : list bool, nth (i + number_of t) v false
      = nth (i + number_of t) (firstn (i + S (number_of t)) v) false).
    { intros v; rewrite <- (firstn_skipn (i + S (number_of t)) v) at 1.
      destruct (Nat.lt_ge_cases (i + number_of t) (length v)) as [C | C].
      - apply app_nth1; rewrite firstn_length; lia.
      - rewrite firstn_all2, skipn_all2, app_nil_r by lia; reflexivity. }
    now rewrite (G w), W, <- G.
Qed.

Section Planned.

Variables (chance : list bool -> R) (n : nat).
Hypothesis chance_range : forall past, 0 <= chance past <= 1.
Notation s := (choices chance chance_range n).

Fixpoint tree_of (u : R) (t : plan) (i : nat) : noisy s :=
  match t with
  | Number x => Known s (fun _ => x) (Rabs x)
  | Added l r => Sum s (tree_of u l i) (tree_of u r (i + number_of l))
  | Multiplied c t => Scaled s c (tree_of u t i)
  | Chosen down up t => Randomly s u (chosen (Chosen down up t) i) (tree_of u t i)
  end.

Lemma tree_chosen u t i : outcome_of s (tree_of u t i) = chosen t i.
Proof.
  revert i; induction t as [x | l L r R | c t T | down up t T]; intros i; simpl; try reflexivity.
  - now rewrite L, R.
  - now rewrite T.
Qed.

Lemma tree_exact u t i w : exactly s (tree_of u t i) w = exact_sum t.
Proof.
  revert i; induction t as [x | l L r R | c t T | down up t T]; intros i; simpl; try reflexivity.
  - now rewrite L, R.
  - now rewrite T.
  - apply T.
Qed.

Lemma tree_size u t i : gross s (tree_of u t i) = size t.
Proof.
  revert i; induction t as [x | l L r R | c t T | down up t T]; intros i; simpl; try reflexivity.
  - now rewrite L, R.
  - now rewrite T.
  - apply T.
Qed.

Lemma tree_levels u t i : roundings s (tree_of u t i) = levels t.
Proof. revert i; induction t; intros i; simpl; auto. Qed.

Lemma tree_sound u t i : 0 <= u -> neighbours u t -> sound s (tree_of u t i).
Proof.
  intros U; revert i; induction t as [x | l L r R | c t T | down up t T]; intros i; simpl.
  - intros _; split; [easy|]; split; [apply Rabs_pos | intros; lra].
  - intros [Nl Nr]; auto.
  - apply T.
  - intros [N Nt]; split; [exact U|]; split; [easy|]; split; [|now apply T].
    intros w; rewrite tree_chosen; specialize (N (chosen t i w)).
    destruct nth; [rewrite Rabs_pos_eq | rewrite Rabs_left1]; lra.
Qed.

Lemma tree_at_most u t i : at_most s u (tree_of u t i).
Proof.
  revert i; induction t as [x | l L r R | c t T | down up t T]; intros i; simpl; auto.
  split; [lra | apply T].
Qed.

(** Error j is of choice i + j, and zero in its mean. *)
Definition timely (i : nat) (xs : list (list bool -> R)) : Prop :=
  forall j x, nth_error xs j = Some x ->
  known (S (i + j)) x /\ forall p, length p = (i + j)%nat ->
    chance p * x (p ++ [true]) + (1 - chance p) * x (p ++ [false]) = 0.

Lemma timely_app i xs ys : timely i xs -> timely (i + length xs) ys -> timely i (xs ++ ys).
Proof.
  intros X Y j x E; destruct (Nat.lt_ge_cases j (length xs)) as [C | C].
  - apply X; now rewrite nth_error_app1 in E.
  - rewrite nth_error_app2 in E by exact C; replace (i + j)%nat with (i + length xs + (j - length xs))%nat
      by lia; now apply Y.
Qed.

Notation own_errors u t i := (map (part_error s) (errors s (tree_of u t i))).

Lemma errors_number u t i : length (own_errors u t i) = number_of t.
Proof.
  rewrite map_length; revert i; induction t as [x | l L r R | c t T | down up t T]; intros i; simpl.
  - reflexivity.
  - now rewrite app_length, L, R.
  - now rewrite map_length.
  - rewrite app_length, T; simpl; lia.
Qed.

Lemma errors_timely u t i :
  neighbours u t ->
  (forall p, (i <= length p < i + number_of t)%nat -> chance p = next_chance t i p) ->
  timely i (own_errors u t i).
Proof.
  revert i; induction t as [x | l L r R | c t T | down up t T]; intros i; simpl.
  - intros _ _ j x' E; destruct j; discriminate E.
  - intros [Nl Nr] C; rewrite map_app; apply timely_app.
    + apply L; [exact Nl|]; intros p P; rewrite C by lia.
      destruct (Nat.ltb_spec (length p) (i + number_of l)); [reflexivity | lia].
    + rewrite errors_number; apply R; [exact Nr|]; intros p P; rewrite C by lia.
      destruct (Nat.ltb_spec (length p) (i + number_of l)); [lia | reflexivity].
  - intros N C; rewrite map_map; simpl; now apply T.
  - intros [N Nt] C; rewrite map_app; apply timely_app.
    + apply T; [exact Nt|]; intros p P; rewrite C by lia.
      destruct (Nat.ltb_spec (length p) (i + number_of t)); [reflexivity | lia].
    + rewrite errors_number; intros j x E; simpl in E; destruct j as [|j]; [|now destruct j].
      injection E as <-; rewrite tree_chosen, Nat.add_0_r; split.
      * intros w w' W.
        assert (K := chosen_known (Chosen down up t) i); simpl in K; rewrite Nat.add_succ_r in K.
        rewrite (K w w' W); f_equal; apply chosen_known.
        assert (F : forall v : list bool, firstn (i + number_of t) v
          = firstn (i + number_of t) (firstn (S (i + number_of t)) v)).
        { intros v; rewrite firstn_firstn; f_equal; lia. }
        now rewrite F, W, <- F.
      * intros p P; rewrite C by lia.
        destruct (Nat.ltb_spec (length p) (i + number_of t)) as [H | _]; [lia|].
        assert (Q : forall c, nth (i + number_of t) (p ++ [c]) false = c).
        { intros c; rewrite <- P, app_nth2, Nat.sub_diag by lia; reflexivity. }
        assert (Y : forall c, chosen t i (p ++ [c]) = chosen t i p).
        { intros c; apply chosen_known; rewrite <- P, firstn_app, Nat.sub_diag, firstn_all.
          apply app_nil_r. }
        rewrite !Q, !Y; apply fraction_mean, N.
Qed.

End Planned.

Lemma nth_error_middle {A} (xs earlier later : list A) x :
  xs = earlier ++ x :: later -> nth_error xs (length earlier) = Some x.
Proof. intros ->; now rewrite nth_error_app2, Nat.sub_diag by lia. Qed.

(** Any sum of given numbers, in any order, each rounding stochastic: no model is assumed. *)
Theorem stochastic (u lambda : R) (t : plan) (d := levels t) (S : neighbours u t)
    (s := choices (next_chance t 0) (fun past => next_chance_range u t 0 past S) (number_of t)) :
  0 <= u -> 0 <= lambda ->
  1 - 2 * exp (- (lambda ^ 2 / 2)) <=
    probability s (fun w => Rabs (chosen t 0 w - exact_sum t))
      (fun _ => lambda * (sqrt (INR d) * (u * ((1 + u) ^ d * size t)))).
Proof.
  intros U Hl; set (range := fun past => next_chance_range u t 0 past S) in s.
  pose (T := tree_of (next_chance t 0) (number_of t) range u t 0).
  assert (Hs : sound s T) by now apply tree_sound.
  assert (I : Probability.mean_independent s (map (part_error s) (errors s T))).
  { apply choices_mean_independent.
    - exact (Nat.eq_le_incl _ _ (errors_number _ (number_of t) range u t 0)).
    - intros earlier x later E; assert (H := errors_timely _ (number_of t) range u t 0 S (fun p _ => eq_refl)).
      exact (H _ _ (nth_error_middle _ _ _ _ E)). }
  assert (M := one_martingale s lambda _ Hl (good_errors s T Hs) I).
  apply Rle_trans with (1 := M); apply probability_le; try exact Logic.I; intros w H.
  rewrite <- errors_add in H.
  replace (outcome_of s T w) with (chosen t 0 w) in H
    by exact (f_equal (fun f => f w) (eq_sym (tree_chosen _ (number_of t) range u t 0))).
  replace (exactly s T w) with (exact_sum t) in H
    by exact (eq_sym (tree_exact _ (number_of t) range u t 0 w)).
  apply Rle_trans with (1 := H); apply Rmult_le_compat_l; [exact Hl|].
  assert (V := variance_bound s u T U Hs (tree_at_most _ (number_of t) range u t 0)).
  fold s T in V; replace (roundings s T) with d in V
    by exact (eq_sym (tree_levels _ (number_of t) range u t 0)).
  replace (gross s T) with (size t) in V by exact (eq_sym (tree_size _ (number_of t) range u t 0)).
  apply Rle_trans with (1 := sqrt_le_1_alt _ _ V).
  assert (P : 0 <= size t).
  { clear; induction t; simpl; try apply Rmult_le_pos; auto using Rabs_pos; lra. }
  rewrite sqrt_mult_alt by apply pos_INR; right; f_equal; apply sqrt_pow2.
  apply Rmult_le_pos; [exact U|]; apply Rmult_le_pos; [apply pow_le; lra | exact P].
Qed.

(** Rounding down and up to precision p, exponents unbounded: such neighbours. *)
Theorem down_and_up (p : Z) (y : R) :
  (0 < p)%Z ->
  let down := round radix2 (FLX_exp p) Zfloor y in
  let up := round radix2 (FLX_exp p) Zceil y in
  down <= y <= up /\ y - down <= pow2 (1 - p) * Rabs y /\ up - y <= pow2 (1 - p) * Rabs y.
Proof.
  intros Hp down up; assert (P : Prec_gt_0 p) by exact Hp.
  assert (D : down <= y) by apply (round_DN_pt radix2 (FLX_exp p) y).
  assert (U : y <= up) by apply (round_UP_pt radix2 (FLX_exp p) y).
  destruct (Req_dec y 0) as [Z | N].
  { unfold down, up in *; rewrite Z, !round_0 in *; auto with typeclass_instances.
    rewrite Rabs_R0; lra. }
  assert (Ed := relative_error_FLX radix2 p P Zfloor y N); fold down in Ed.
  assert (Eu := relative_error_FLX radix2 p P Zceil y N); fold up in Eu.
  replace (1 - p)%Z with (- p + 1)%Z by lia.
  rewrite Rabs_left1 in Ed by lra; rewrite Rabs_pos_eq in Eu by lra; lra.
Qed.
