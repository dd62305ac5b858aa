(** Inner products of perturbed operands, and trees of roundings. Theorems gemm, gemm-probabilistic
    and attention use them. *)

From Msdnum Require Export Decomposition.

Fixpoint dot (a b : list R) : R :=
  match a, b with
  | x :: a, y :: b => x * y + dot a b
  | _, _ => 0
  end.

Definition sum : list R -> R := fold_right Rplus 0.

Definition magnitudes := map Rabs.

(** [close d a a']: entry by entry, a' is within d of a. *)
Inductive close : list R -> list R -> list R -> Prop :=
  | close_nil : close [] [] []
  | close_cons d x x' ds a a' :
      Rabs (x - x') <= d -> close ds a a' -> close (d :: ds) (x :: a) (x' :: a').

(** Each operand is perturbed entry by entry. *)
Lemma data_error_bound da a a' :
  close da a a' -> forall db b b', close db b b' ->
  Rabs (dot a b - dot a' b') <= dot da (magnitudes b) + dot (magnitudes a') db.
Proof.
  induction 1 as [|d x x' da a a' D _ IH]; intros db b b' H.
  { simpl; rewrite Rminus_diag_eq, Rabs_R0 by reflexivity; lra. }
  destruct H as [|e y y' db b b' E H].
  { simpl; rewrite Rminus_diag_eq, Rabs_R0 by reflexivity; lra. }
  simpl; specialize (IH db b b' H).
  replace (x * y + dot a b - _)
    with ((x - x') * y + x' * (y - y') + (dot a b - dot a' b')) by ring.
  assert (P : Rabs ((x - x') * y) <= d * Rabs y).
  { rewrite Rabs_mult; apply Rmult_le_compat_r; [apply Rabs_pos | exact D]. }
  assert (Q : Rabs (x' * (y - y')) <= Rabs x' * e).
  { rewrite Rabs_mult; apply Rmult_le_compat_l; [apply Rabs_pos | exact E]. }
  apply Rle_trans with (1 := Rabs_triang _ _).
  assert (T := Rabs_triang ((x - x') * y) (x' * (y - y'))); fold magnitudes in *; lra.
Qed.

(** * What is computed: exact numbers, sums and scalings, each of the latter rounded once *)

Inductive schedule {A : Type} :=
  | Exact (x : A)
  | Add (l r : schedule)
  | Scale (c : A) (t : schedule).

Arguments schedule : clear implicits.

Fixpoint value (t : schedule R) : R :=
  match t with
  | Exact x => x
  | Add l r => value l + value r
  | Scale c t => c * value t
  end.

Fixpoint computed (rnd : R -> R) (t : schedule R) : R :=
  match t with
  | Exact x => x
  | Add l r => rnd (computed rnd l + computed rnd r)
  | Scale c t => rnd (c * computed rnd t)
  end.

(** The sum of the magnitudes. *)
Fixpoint magnitude (t : schedule R) : R :=
  match t with
  | Exact x => Rabs x
  | Add l r => magnitude l + magnitude r
  | Scale c t => Rabs c * magnitude t
  end.

(** The largest number of roundings between an input and the result. *)
Fixpoint depth {A : Type} (t : schedule A) : nat :=
  match t with
  | Exact _ => 0
  | Add l r => S (max (depth l) (depth r))
  | Scale _ t => S (depth t)
  end.

Lemma magnitude_pos t : 0 <= magnitude t.
Proof.
  induction t as [x | l L r R | c t T]; simpl; [apply Rabs_pos | lra |].
  apply Rmult_le_pos; [apply Rabs_pos | exact T].
Qed.

Lemma value_magnitude t : Rabs (value t) <= magnitude t.
Proof.
  induction t as [x | l L r R | c t T]; simpl; [lra | |].
  - apply Rle_trans with (1 := Rabs_triang _ _); lra.
  - rewrite Rabs_mult; apply Rmult_le_compat_l; [apply Rabs_pos | exact T].
Qed.

(** * A truncating matrix unit *)

(** An addend truncated to a multiple of q. *)
Definition truncated (q x : R) : R := q * IZR (Ztrunc (x / q)).

(** The sum truncated to r fraction bits; below 2^-126 to a multiple of 2^(-126 - r). *)
Definition result (r : Z) (x : R) : R := round radix2 (FLT_exp (-126 - r) (r + 1)) Ztrunc x.

(** * Trees of any roundings: several kinds in one, underflow and overflow *)

(** What units compute: exact sums, products by constants, and now and then a rounding, with an
    error of v of the magnitudes added since the one before it, and h besides. An input x counts
    with a magnitude m of at least its own. *)
Inductive tree :=
  | Input (x m : R)
  | Plus (l r : tree)
  | Times (c : R) (t : tree)
  | Rounded (v h : R) (t : tree).

Fixpoint proper (t : tree) : Prop :=
  match t with
  | Input x m => Rabs x <= m
  | Plus l r => proper l /\ proper r
  | Times _ t => proper t
  | Rounded v h t => (0 <= v /\ 0 <= h) /\ proper t
  end.

Fixpoint exact_value (t : tree) : R :=
  match t with
  | Input x _ => x
  | Plus l r => exact_value l + exact_value r
  | Times c t => c * exact_value t
  | Rounded _ _ t => exact_value t
  end.

(** The sum of the magnitudes. *)
Fixpoint counted (t : tree) : R :=
  match t with
  | Input _ m => m
  | Plus l r => counted l + counted r
  | Times c t => Rabs c * counted t
  | Rounded _ _ t => counted t
  end.

(** The product of the 1 + v that an input meets, at the most. *)
Fixpoint growth (t : tree) : R :=
  match t with
  | Input _ _ => 1
  | Plus l r => Rmax (growth l) (growth r)
  | Times _ t => growth t
  | Rounded v _ t => (1 + v) * growth t
  end.

(** What of the h reaches the result. *)
Fixpoint underflow (t : tree) : R :=
  match t with
  | Input _ _ => 0
  | Plus l r => underflow l + underflow r
  | Times c t => Rabs c * underflow t
  | Rounded _ h t => underflow t + h
  end.

(** No result is larger. *)
Fixpoint peak (t : tree) : R :=
  match t with
  | Input _ _ => 0
  | Plus l r => Rmax (peak l) (peak r)
  | Times _ t => peak t
  | Rounded v h t => Rmax (peak t) ((1 + v) * growth t * (counted t + (underflow t + h)))
  end.

(** The tree may compute y, from magnitudes a since its last roundings. Of a result that could be
    beyond W, the largest finite number, nothing is said: inf and NaN are no real numbers. *)
Inductive computes (W : R) : tree -> R -> R -> Prop :=
  | computes_input x m : computes W (Input x m) x m
  | computes_plus l r y z a b :
      computes W l y a -> computes W r z b -> computes W (Plus l r) (y + z) (a + b)
  | computes_times c t y a : computes W t y a -> computes W (Times c t) (c * y) (Rabs c * a)
  | computes_rounded v h t y a z :
      computes W t y a -> ((1 + v) * a + h <= W -> Rabs (z - y) <= v * a + h) ->
      computes W (Rounded v h t) z (Rabs z).

Lemma growth_ge_1 t : proper t -> 1 <= growth t.
Proof.
  induction t as [x m | l L r R | c t T | v h t T]; simpl; intros P; [lra | | now apply T |].
  - apply Rle_trans with (2 := Rmax_l _ _); now apply L.
  - destruct P as [[V _] P]; specialize (T P); nra.
Qed.

Lemma counted_exact t : proper t -> Rabs (exact_value t) <= counted t.
Proof.
  induction t as [x m | l L r R | c t T | v h t T]; simpl; [easy | | |].
  - intros [Pl Pr]; apply Rle_trans with (1 := Rabs_triang _ _).
    apply Rplus_le_compat; [now apply L | now apply R].
  - intros P; rewrite Rabs_mult; apply Rmult_le_compat_l; [apply Rabs_pos | now apply T].
  - intros [_ P]; now apply T.
Qed.

Lemma counted_pos t : proper t -> 0 <= counted t.
Proof. intros P; apply Rle_trans with (2 := counted_exact t P), Rabs_pos. Qed.

Lemma underflow_pos t : proper t -> 0 <= underflow t.
Proof.
  induction t as [x m | l L r R | c t T | v h t T]; simpl; [lra | | |].
  - intros [Pl Pr]; specialize (L Pl); specialize (R Pr); lra.
  - intros P; apply Rmult_le_pos; [apply Rabs_pos | now apply T].
  - intros [[_ H] P]; specialize (T P); lra.
Qed.

Definition tree_bound (g : R) (t : tree) : R := (g - 1) * counted t + g * underflow t.

Lemma tree_bound_le g g' t : proper t -> g <= g' -> tree_bound g t <= tree_bound g' t.
Proof.
  intros P H; assert (C := counted_pos t P); assert (U := underflow_pos t P); unfold tree_bound.
  apply Rplus_le_compat; apply Rmult_le_compat_r; lra.
Qed.

(** Any tree, any roundings: the error, and the magnitudes that the next rounding meets. *)
Theorem tree_error W t y a :
  proper t -> computes W t y a -> peak t <= W ->
  Rabs (y - exact_value t) <= tree_bound (growth t) t /\
  Rabs y <= a <= growth t * (counted t + underflow t).
Proof.
  intros P C; induction C as [x m | l r y z a b _ L _ R | c t y a _ T | v h t y a z _ T Z]; simpl in *.
  - intros _; unfold tree_bound; simpl; rewrite Rminus_diag_eq, Rabs_R0 by reflexivity.
    destruct (Rabs_pos x); lra.
  - destruct P as [Pl Pr]; intros K.
    destruct (L Pl (Rle_trans _ _ _ (Rmax_l _ _) K)) as [El [Al Bl]].
    destruct (R Pr (Rle_trans _ _ _ (Rmax_r _ _) K)) as [Er [Ar Br]].
    set (g := Rmax (growth l) (growth r)).
    assert (Gl : growth l <= g) by apply Rmax_l; assert (Gr : growth r <= g) by apply Rmax_r.
    assert (Cl := counted_pos l Pl); assert (Cr := counted_pos r Pr).
    assert (Ul := underflow_pos l Pl); assert (Ur := underflow_pos r Pr).
    assert (Dl := tree_bound_le _ g l Pl Gl); assert (Dr := tree_bound_le _ g r Pr Gr).
    split.
    + replace (_ - _) with ((y - exact_value l) + (z - exact_value r)) by ring.
      apply Rle_trans with (1 := Rabs_triang _ _); unfold tree_bound in *; simpl; lra.
    + split; [apply Rle_trans with (1 := Rabs_triang _ _); lra|].
      assert (growth l * (counted l + underflow l) <= g * (counted l + underflow l))
        by (apply Rmult_le_compat_r; lra).
      assert (growth r * (counted r + underflow r) <= g * (counted r + underflow r))
        by (apply Rmult_le_compat_r; lra); lra.
  - intros K; destruct (T P K) as [E [A B]]; assert (N := Rabs_pos c).
    apply (Rmult_le_compat_l _ _ _ N) in E; apply (Rmult_le_compat_l _ _ _ N) in A.
    apply (Rmult_le_compat_l _ _ _ N) in B; split.
    + rewrite <- Rmult_minus_distr_l, Rabs_mult; unfold tree_bound in *; simpl; lra.
    + rewrite Rabs_mult; lra.
  - destruct P as [[V H] P]; intros K.
    destruct (T P (Rle_trans _ _ _ (Rmax_l _ _) K)) as [E [A B]].
    assert (K' := Rle_trans _ _ _ (Rmax_r _ _) K).
    assert (G := growth_ge_1 t P); assert (N := counted_pos t P); assert (U := underflow_pos t P).
    set (g := growth t) in *; assert (G' : 1 <= (1 + v) * g) by nra.
    assert (Va : v * a <= v * (g * (counted t + underflow t))) by (apply Rmult_le_compat_l; lra).
    assert (Hg : h <= (1 + v) * g * h).
    { rewrite <- (Rmult_1_l h) at 1; apply Rmult_le_compat_r; lra. }
    specialize (Z ltac:(lra)).
    assert (E' : Rabs (z - exact_value t) <= tree_bound ((1 + v) * g) (Rounded v h t)).
    { replace (z - exact_value t) with ((z - y) + (y - exact_value t)) by ring.
      apply Rle_trans with (1 := Rabs_triang _ _); unfold tree_bound in *; simpl; lra. }
    split; [exact E' | split; [lra|]].
    replace z with (exact_value t + (z - exact_value t)) by ring.
    apply Rle_trans with (1 := Rabs_triang _ _); assert (X := counted_exact t P).
    unfold tree_bound in E'; simpl in E'; lra.
Qed.

(** ** Sufficient for no overflow, and enough for underflow: what scales make of 1 at the most *)

Fixpoint largest_scale (t : tree) : R :=
  match t with
  | Input _ _ => 1
  | Plus l r => Rmax (largest_scale l) (largest_scale r)
  | Times c t => Rmax 1 (Rabs c) * largest_scale t
  | Rounded _ _ t => largest_scale t
  end.

(** The magnitudes, and the h, before any scale. *)
Fixpoint unscaled (t : tree) : R :=
  match t with
  | Input _ m => m
  | Plus l r => unscaled l + unscaled r
  | Times _ t | Rounded _ _ t => unscaled t
  end.

Fixpoint absolute (t : tree) : R :=
  match t with
  | Input _ _ => 0
  | Plus l r => absolute l + absolute r
  | Times _ t => absolute t
  | Rounded _ h t => absolute t + h
  end.

Lemma largest_scale_ge_1 t : 1 <= largest_scale t.
Proof.
  induction t as [x m | l L r R | c t T | v h t T]; simpl; [lra | | | exact T].
  - apply Rle_trans with (1 := L), Rmax_l.
  - assert (M := Rmax_l 1 (Rabs c)); nra.
Qed.

Lemma unscaled_pos t : proper t -> 0 <= unscaled t /\ 0 <= absolute t.
Proof.
  induction t as [x m | l L r R | c t T | v h t T]; simpl.
  - intros H; assert (A := Rabs_pos x); lra.
  - intros [Pl Pr]; destruct (L Pl), (R Pr); lra.
  - exact T.
  - intros [[_ H] P]; destruct (T P); lra.
Qed.

Theorem scaled_bound t :
  proper t -> counted t <= largest_scale t * unscaled t /\ underflow t <= largest_scale t * absolute t.
Proof.
  induction t as [x m | l L r R | c t T | v h t T]; simpl.
  - lra.
  - intros [Pl Pr]; destruct (L Pl) as [L1 L2], (R Pr) as [R1 R2].
    destruct (unscaled_pos l Pl) as [A1 A2], (unscaled_pos r Pr) as [B1 B2].
    assert (Ml := Rmax_l (largest_scale l) (largest_scale r)).
    assert (Mr := Rmax_r (largest_scale l) (largest_scale r)).
    set (g := Rmax _ _) in *; split.
    + assert (largest_scale l * unscaled l <= g * unscaled l) by (apply Rmult_le_compat_r; lra).
      assert (largest_scale r * unscaled r <= g * unscaled r) by (apply Rmult_le_compat_r; lra); lra.
    + assert (largest_scale l * absolute l <= g * absolute l) by (apply Rmult_le_compat_r; lra).
      assert (largest_scale r * absolute r <= g * absolute r) by (apply Rmult_le_compat_r; lra); lra.
  - intros P; destruct (T P) as [A B]; assert (N := counted_pos t P); assert (U := underflow_pos t P).
    assert (M := Rmax_r 1 (Rabs c)); assert (C := Rabs_pos c).
    rewrite 2!Rmult_assoc; split; apply Rmult_le_compat; assumption || lra.
  - intros [[_ H] P]; destruct (T P) as [A B]; assert (G := largest_scale_ge_1 t).
    split; [exact A|]; assert (1 * h <= largest_scale t * h) by (apply Rmult_le_compat_r; lra); lra.
Qed.

(** Nothing overflows if all magnitudes with the largest scale, and what errors add, are finite. *)
Theorem peak_bound t :
  proper t -> peak t <= growth t * (largest_scale t * (unscaled t + absolute t)).
Proof.
  assert (Mono : forall g g' s s' u u', 0 <= g <= g' -> 0 <= s <= s' -> 0 <= u <= u' ->
    g * (s * u) <= g' * (s' * u')).
  { intros g g' s s' u u' G S U; apply Rmult_le_compat; [lra | apply Rmult_le_pos; lra | lra |].
    apply Rmult_le_compat; lra. }
  induction t as [x m | l L r R | c t T | v h t T]; simpl.
  - intros P; assert (A := Rabs_pos x); lra.
  - intros [Pl Pr]; destruct (unscaled_pos l Pl) as [A1 A2], (unscaled_pos r Pr) as [B1 B2].
    assert (Gl := growth_ge_1 l Pl); assert (Gr := growth_ge_1 r Pr).
    assert (Sl := largest_scale_ge_1 l); assert (Sr := largest_scale_ge_1 r).
    apply Rmax_lub.
    + apply Rle_trans with (1 := L Pl); apply Mono; split; lra || apply Rmax_l.
    + apply Rle_trans with (1 := R Pr); apply Mono; split; lra || apply Rmax_r.
  - intros P; apply Rle_trans with (1 := T P).
    destruct (unscaled_pos t P) as [A1 A2]; assert (G := growth_ge_1 t P).
    assert (S := largest_scale_ge_1 t); assert (M := Rmax_l 1 (Rabs c)).
    apply Mono; split; try lra; nra.
  - intros P; assert (P' := P); destruct P' as [[V H] P']; destruct (unscaled_pos t P') as [A1 A2].
    assert (G := growth_ge_1 t P'); assert (S := largest_scale_ge_1 t).
    apply Rmax_lub; [apply Rle_trans with (1 := T P'); apply Mono; split; try lra; nra|].
    apply Rmult_le_compat_l; [nra|].
    destruct (scaled_bound (Rounded v h t) P) as [C U]; simpl in C, U; lra.
Qed.

Lemma computes_magnitude W t y a : proper t -> computes W t y a -> Rabs y <= a.
Proof.
  intros P C; induction C as [x m | l r y z a b _ L _ R | c t y a _ T | v h t y a z _ T _]; simpl in *.
  - exact P.
  - apply Rle_trans with (1 := Rabs_triang _ _), Rplus_le_compat; [now apply L | now apply R].
  - rewrite Rabs_mult; apply Rmult_le_compat_l; [apply Rabs_pos | now apply T].
  - lra.
Qed.

(** With unbounded exponents it would be r; it is z, and that is r unless r is beyond W. *)
Definition unless_overflow (W r z : R) : Prop := Rabs r <= W -> z = r.

Lemma rounds W v h t y a r z :
  proper t -> computes W t y a -> Rabs (r - y) <= v * a + h -> unless_overflow W r z ->
  computes W (Rounded v h t) z (Rabs z).
Proof.
  intros P C E O; assert (M := computes_magnitude W t y a P C).
  apply computes_rounded with (1 := C); intros H; rewrite O; [exact E|].
  replace r with (y + (r - y)) by ring; apply Rle_trans with (1 := Rabs_triang _ _); lra.
Qed.

(** Where no result can be beyond W, a tree with that limit is one with any other: sums in a narrow
    format that are scaled in a wide one. *)
Theorem within_any_limit W W' t y a :
  proper t -> growth t * (largest_scale t * (unscaled t + absolute t)) <= W ->
  computes W t y a -> computes W' t y a.
Proof.
  intros P0 K0 C; assert (K : peak t <= W) by (now apply Rle_trans with (1 := peak_bound t P0)).
  clear K0; induction C as [x m | l r y z a b _ L _ R | c t y a _ T | v h t y a z C T Z]; simpl in *.
  - constructor.
  - destruct P0 as [Pl Pr]; constructor.
    + apply L; [exact Pl | now apply Rle_trans with (1 := Rmax_l _ _) in K].
    + apply R; [exact Pr | now apply Rle_trans with (1 := Rmax_r _ _) in K].
  - constructor; now apply T.
  - destruct P0 as [[V H] P]; assert (Kt := Rle_trans _ _ _ (Rmax_l _ _) K).
    assert (Kr := Rle_trans _ _ _ (Rmax_r _ _) K).
    apply computes_rounded with y a; [now apply T | intros _; apply Z].
    destruct (tree_error W t y a P C Kt) as [_ [_ A]].
    assert (U := underflow_pos t P); assert (G := growth_ge_1 t P).
    assert ((1 + v) * a <= (1 + v) * (growth t * (counted t + underflow t)))
      by (apply Rmult_le_compat_l; lra).
    assert (1 * h <= (1 + v) * growth t * h) by (apply Rmult_le_compat_r; nra || lra); lra.
Qed.
