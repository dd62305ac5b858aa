(** A bound that is computed along: every result that is rounded adds a share of its magnitude. *)

From Flocq Require Import Plus_error.
From Msdnum Require Import InnerProduct.

(** y is what is computed, x what it would be without roundings, and e is kept beside y: it is made
    of what is known of y alone. Each [<= e] leaves room for how e itself is rounded, upward. *)
Inductive tracks : R -> R -> R -> Prop :=
  | tracks_input y x e : Rabs (y - x) <= e -> tracks y x e
  | tracks_plus y x e y' x' e' s :
      tracks y x e -> tracks y' x' e' -> e + e' <= s -> tracks (y + y') (x + x') s
  | tracks_times c y x e s : tracks y x e -> Rabs c * e <= s -> tracks (c * y) (c * x) s
  | tracks_rounded v h z y x e s :
      tracks y x e -> Rabs (z - y) <= v * Rabs z + h -> e + (v * Rabs z + h) <= s -> tracks z x s.

Theorem tracked y x e : tracks y x e -> Rabs (y - x) <= e.
Proof.
  induction 1 as [y x e E | y x e y' x' e' s _ E _ E' S | c y x e s _ E S | v h z y x e s _ E Z S].
  - exact E.
  - replace (y + y' - (x + x')) with ((y - x) + (y' - x')) by ring.
    apply Rle_trans with (1 := Rabs_triang _ _); lra.
  - rewrite <- Rmult_minus_distr_l, Rabs_mult; apply Rle_trans with (2 := S).
    apply Rmult_le_compat_l; [apply Rabs_pos | exact E].
  - replace (z - x) with ((z - y) + (y - x)) by ring.
    apply Rle_trans with (1 := Rabs_triang _ _); lra.
Qed.

(** A decomposed operand besides: what is left of it is known, too. *)
Theorem tracked_product a a' da b y e :
  close da a a' -> tracks y (dot a' b) e -> Rabs (y - dot a b) <= e + dot da (magnitudes b).
Proof.
  intros D T; assert (E := tracked _ _ _ T).
  assert (B : close (map (fun _ => 0) b) b b).
  { clear; induction b as [|x b IH]; simpl; constructor; [|exact IH].
    rewrite Rminus_diag_eq, Rabs_R0 by reflexivity; lra. }
  assert (P := data_error_bound da a a' D _ b b B).
  replace (dot (magnitudes a') (map (fun _ => 0) b)) with 0 in P.
  - rewrite Rabs_minus_sym in P; replace (y - dot a b) with ((y - dot a' b) + (dot a' b - dot a b)) by ring.
    apply Rle_trans with (1 := Rabs_triang _ _); lra.
  - clear; revert a'; induction b as [|x b IH]; intros [|z a']; simpl; try reflexivity.
    fold (magnitudes a'); rewrite <- IH; ring.
Qed.

(** In binary32 a result to nearest is such a rounding, with the result in place of its argument. *)
Theorem nearest_tracks x :
  Rabs (binary32 x - x) <= pow2 (-24) * Rabs (binary32 x) + pow2 (-149) / 2.
Proof.
  unfold binary32, binary; set (z := round _ _ _ x).
  assert (P : Prec_gt_0 24) by reflexivity.
  assert (E : Rabs (z - x) <= / 2 * ulp radix2 (FLT_exp (-149) 24) z)
    by (apply error_le_half_ulp_round; auto with typeclass_instances).
  apply Rle_trans with (1 := E).
  assert (A := Rabs_pos z); assert (H := bpow_gt_0 radix2 (-149)).
  destruct (Rle_or_lt (pow2 (-126)) (Rabs z)) as [N | S].
  - assert (U := ulp_FLT_le radix2 (-149) 24 z N).
    replace (pow2 (1 - 24)) with (2 * pow2 (-24)) in U by (simpl; lra); lra.
  - assert (U : ulp radix2 (FLT_exp (-149) 24) z = pow2 (-149)).
    { apply ulp_FLT_small; [exact P|]; apply Rlt_trans with (1 := S); apply bpow_lt; lia. }
    rewrite U; assert (0 <= pow2 (-24) * Rabs z) by (apply Rmult_le_pos; [apply bpow_ge_0 | exact A]); lra.
Qed.

(** Of a sum of two of its numbers, without the second part. *)
Theorem nearest_sum_tracks x y :
  is_binary32 x -> is_binary32 y ->
  Rabs (binary32 (x + y) - (x + y)) <= pow2 (-24) * Rabs (binary32 (x + y)).
Proof.
  intros X Y; assert (P : Prec_gt_0 24) by reflexivity; set (z := binary32 (x + y)).
  destruct (Rle_or_lt (pow2 (-126)) (Rabs z)) as [N | S].
  - assert (E : Rabs (z - (x + y)) <= / 2 * ulp radix2 (FLT_exp (-149) 24) z)
      by (apply error_le_half_ulp_round; auto with typeclass_instances).
    assert (U := ulp_FLT_le radix2 (-149) 24 z N).
    replace (pow2 (1 - 24)) with (2 * pow2 (-24)) in U by (simpl; lra); lra.
  - unfold z, binary32, binary; rewrite round_generic; auto with typeclass_instances.
    + rewrite Rminus_diag_eq, Rabs_R0 by reflexivity.
      apply Rmult_le_pos; [apply bpow_ge_0 | apply Rabs_pos].
    + apply FLT_format_plus_small; try assumption.
      assert (T : Rabs (x + y) <= pow2 (-126)).
      { destruct (Rle_or_lt (Rabs (x + y)) (pow2 (-126))) as [L | G]; [exact L | exfalso].
        assert (pow2 (-126) <= Rabs z); [|lra].
        apply abs_round_ge_generic; auto with typeclass_instances; [|lra].
        apply generic_format_bpow; unfold FLT_exp; lia. }
      apply Rle_trans with (1 := T); apply bpow_le; lia.
Qed.
