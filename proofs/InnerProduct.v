(** Inner products of perturbed operands. Theorems gemm and attention use them. *)

From Msdnum Require Export Decomposition.

Fixpoint dot (a b : list R) : R :=
  match a, b with
  | x :: a, y :: b => x * y + dot a b
  | _, _ => 0
  end.

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
