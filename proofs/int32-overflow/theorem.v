(** When an int32 accumulator cannot overflow. *)

From Coq Require Import ZArith List Lia.
Import ListNotations.
Open Scope Z_scope.

Definition int32 (z : Z) : Prop := - 2 ^ 31 <= z <= 2 ^ 31 - 1.

(** The largest number of products of magnitude at most q * w. *)
Definition threshold (q w : Z) : Z := (2 ^ 31 - 1) / (q * w).

Fixpoint dot (a b : list Z) : Z :=
  match a, b with
  | x :: a, y :: b => x * y + dot a b
  | _, _ => 0
  end.

Definition within (q : Z) : list Z -> Prop := Forall (fun x => - q <= x <= q).

Lemma dot_bound q w a b :
  0 <= q -> 0 <= w -> within q a -> within w b -> Z.abs (dot a b) <= Z.of_nat (length a) * (q * w).
Proof.
  intros Hq Hw A; assert (P : 0 <= q * w) by nia.
  revert b; induction A as [|x a X A IH]; intros b B; [simpl; lia|].
  destruct b as [|y b]; [cbn [dot]; lia|].
  inversion B as [|y' b' Y B']; subst; specialize (IH b B').
  cbn [dot length]; rewrite Nat2Z.inj_succ.
  assert (Z.abs (x * y) <= q * w) by (rewrite Z.abs_mul; apply Z.mul_le_mono_nonneg; lia).
  lia.
Qed.

(** Up to the threshold no inner product overflows, in any order: a partial sum is a shorter one. *)
Theorem no_overflow q w a b :
  0 < q -> 0 < w -> within q a -> within w b ->
  Z.of_nat (length a) <= threshold q w -> int32 (dot a b).
Proof.
  intros Hq Hw A B K.
  assert (D := dot_bound q w a b ltac:(lia) ltac:(lia) A B).
  assert (T : threshold q w * (q * w) <= 2 ^ 31 - 1).
  { rewrite Z.mul_comm; apply Z.mul_div_le; nia. }
  assert (Z.of_nat (length a) * (q * w) <= threshold q w * (q * w)).
  { apply Z.mul_le_mono_nonneg_r; nia. }
  unfold int32; lia.
Qed.

(** One product more and the largest digits overflow. *)
Theorem overflow q w K :
  0 < q -> 0 < w -> threshold q w < Z.of_nat K -> ~ int32 (dot (repeat q K) (repeat w K)).
Proof.
  intros Hq Hw HK.
  assert (D : dot (repeat q K) (repeat w K) = Z.of_nat K * (q * w)).
  { clear HK; induction K as [|K IH]; [reflexivity|]; cbn [repeat dot]; rewrite IH; lia. }
  assert (2 ^ 31 - 1 < (threshold q w + 1) * (q * w)).
  { assert (M := Z.mul_succ_div_gt (2 ^ 31 - 1) (q * w) ltac:(nia)).
    unfold threshold; rewrite Z.mul_comm; exact M. }
  assert ((threshold q w + 1) * (q * w) <= Z.of_nat K * (q * w)).
  { apply Z.mul_le_mono_nonneg_r; nia. }
  unfold int32; lia.
Qed.

(** INT8 digits up to 127 against INT8 weights (127 or 128 in magnitude) and INT4 weights (7 or 8). *)
Theorem thresholds :
  threshold 127 127 = 133144 /\ threshold 127 128 = 132104 /\ threshold 127 7 = 2415617 /\
  threshold 127 8 = 2113665.
Proof. repeat split; reflexivity. Qed.
