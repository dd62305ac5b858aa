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
