(** Attention: perturbed scores, decomposed weights, online softmax. *)

From Msdnum Require Import InnerProduct.

(** * Sums over a list *)

Section Sums.

Variable A : Type.

Definition total (f : A -> R) (l : list A) : R := fold_right (fun x t => f x + t) 0 l.

Lemma total_plus f g l : total (fun x => f x + g x) l = total f l + total g l.
Proof. induction l as [|x l IH]; simpl; [|rewrite IH]; ring. Qed.

Lemma total_scale c f l : total (fun x => c * f x) l = c * total f l.
Proof. induction l as [|x l IH]; simpl; [|rewrite IH]; ring. Qed.

Lemma total_ext f g l : (forall x, In x l -> f x = g x) -> total f l = total g l.
Proof.
  intros H; induction l as [|x l IH]; simpl; [reflexivity|].
  rewrite H, IH; [reflexivity | intros y I; apply H; now right | now left].
Qed.

Lemma total_le f g l : (forall x, In x l -> f x <= g x) -> total f l <= total g l.
Proof.
  intros H; induction l as [|x l IH]; simpl; [lra|].
  apply Rplus_le_compat; [apply H; now left | apply IH; intros y I; apply H; now right].
Qed.

Lemma total_nonneg f l : (forall x, In x l -> 0 <= f x) -> 0 <= total f l.
Proof.
  intros H; induction l as [|x l IH]; simpl; [lra|].
  apply Rplus_le_le_0_compat; [apply H; now left | apply IH; intros y I; apply H; now right].
Qed.

Lemma total_abs f l : Rabs (total f l) <= total (fun x => Rabs (f x)) l.
Proof.
  induction l as [|x l IH]; simpl; [rewrite Rabs_R0; lra|].
  apply Rle_trans with (1 := Rabs_triang _ _); lra.
Qed.

End Sums.

Arguments total {A}.

(** * Softmax. A key is a pair (s, s') of scores, exact and perturbed. *)

Definition weight (keys : list (R * R)) (key : R * R) : R :=
  exp (fst key) / total (fun k => exp (fst k)) keys.
Definition weight' (keys : list (R * R)) (key : R * R) : R :=
  exp (snd key) / total (fun k => exp (snd k)) keys.
Definition perturbed (eps : R) (keys : list (R * R)) : Prop :=
  forall k, In k keys -> Rabs (snd k - fst k) <= eps.

(** tanh(eps/2) *)
Definition tanh_half (eps : R) : R := (exp eps - 1) / (exp eps + 1).

Lemma exp_close eps s s' : Rabs (s' - s) <= eps -> exp (- eps) * exp s <= exp s' <= exp eps * exp s.
Proof.
  intros H; apply Rabs_le_inv in H; rewrite <- !exp_plus; split.
  - destruct (Req_dec (- eps + s) s') as [-> | N]; [lra | left; apply exp_increasing; lra].
  - destruct (Req_dec s' (eps + s)) as [-> | N]; [lra | left; apply exp_increasing; lra].
Qed.

Section Softmax.

Variables (eps : R) (keys : list (R * R)).
Hypothesis some : keys <> [].
Hypothesis close_scores : perturbed eps keys.

Notation Z := (total (fun k => exp (fst k)) keys).
Notation Z' := (total (fun k => exp (snd k)) keys).

Lemma total_exp_pos (f : R * R -> R) : 0 < total (fun k => exp (f k)) keys.
Proof.
  destruct keys as [|k l]; [easy|]; simpl.
  apply Rplus_lt_le_0_compat; [apply exp_pos|].
  apply total_nonneg; intros; left; apply exp_pos.
Qed.

Lemma normalisers : exp (- eps) * Z <= Z' <= exp eps * Z.
Proof.
  rewrite <- !total_scale; split; apply total_le; intros k I; now apply exp_close, close_scores.
Qed.

(** Each weight moves by a factor of at most exp(2 eps). *)
Theorem softmax_ratio k :
  In k keys ->
  exp (- (2 * eps)) * weight keys k <= weight' keys k <= exp (2 * eps) * weight keys k.
Proof.
  intros I; assert (P := total_exp_pos fst); assert (P' := total_exp_pos snd).
  assert (N := normalisers); assert (E := exp_close _ _ _ (close_scores k I)).
  assert (X := exp_pos (fst k)); assert (X' := exp_pos (snd k)).
  assert (e := exp_pos eps); assert (e' := exp_pos (- eps)).
  assert (ee : exp eps * exp (- eps) = 1) by (rewrite <- exp_plus, Rplus_opp_r; apply exp_0).
  unfold weight, weight'; replace (- (2 * eps)) with (- eps + - eps) by ring.
  replace (2 * eps) with (eps + eps) by ring; rewrite !exp_plus.
  assert (Q : 0 < Z * Z') by now apply Rmult_lt_0_compat.
  split; apply Rmult_le_reg_r with (Z * Z'); try exact Q.
  - replace (_ * _ * (_ / _) * _) with ((exp (- eps) * exp (fst k)) * (exp (- eps) * Z')) by (field; lra).
    replace (_ / _ * _) with (exp (snd k) * Z) by (field; lra).
    apply Rmult_le_compat; try (apply Rmult_le_pos; lra); [lra|].
    apply Rle_trans with (exp (- eps) * (exp eps * Z)); [apply Rmult_le_compat_l; lra|].
    rewrite <- Rmult_assoc, (Rmult_comm (exp (- eps))), ee; lra.
  - replace (exp (snd k) / _ * _) with (exp (snd k) * Z) by (field; lra).
    replace (_ * _ * (_ / _) * _) with ((exp eps * exp (fst k)) * (exp eps * Z')) by (field; lra).
    apply Rmult_le_compat; try lra.
    apply Rle_trans with (exp eps * (exp (- eps) * Z)); [|apply Rmult_le_compat_l; lra].
    rewrite <- Rmult_assoc, ee; lra.
Qed.

(** The worst case of moving weight from one part, b, to the other, a. *)
Lemma two_parts E a b a' b' :
  1 <= E -> 0 <= a -> 0 <= b -> 0 < a + b -> 0 <= a' <= E * a -> b / E <= b' -> 0 < a' + b' ->
  a' / (a' + b') - a / (a + b) <= (E - 1) / (E + 1).
Proof.
  intros HE Ha Hb Hab Ha' Hb' Hab'.
  assert (b <= E * b').
  { apply Rmult_le_compat_l with (r := E) in Hb'; [|lra].
    replace (E * (b / E)) with b in Hb' by (field; lra); exact Hb'. }
  assert (D : 0 < E * E * a + b).
  { destruct (Rle_lt_or_eq_dec _ _ Ha) as [Pa | <-]; [|lra].
    assert (0 < E * E * a) by (apply Rmult_lt_0_compat; nra); lra. }
  assert (S : a' / (a' + b') <= E * E * a / (E * E * a + b)).
  { apply Rmult_le_reg_r with ((a' + b') * (E * E * a + b)); [now apply Rmult_lt_0_compat|].
    replace (a' / _ * _) with (a' * (E * E * a + b)) by (field; lra).
    replace (E * E * a / _ * _) with (E * E * a * (a' + b')) by (field; lra).
    assert (a' * b <= E * a * (E * b')) by (apply Rmult_le_compat; lra); nra. }
  apply Rle_trans with (E * E * a / (E * E * a + b) - a / (a + b)); [lra|].
  apply Rmult_le_reg_r with ((E * E * a + b) * (a + b) * (E + 1)).
  { apply Rmult_lt_0_compat; [now apply Rmult_lt_0_compat | lra]. }
  replace ((E * E * a / _ - _) * _) with ((E - 1) * (a * b * ((E + 1) * (E + 1)))) by (field; lra).
  replace ((E - 1) / _ * _) with ((E - 1) * ((E * E * a + b) * (a + b))) by (field; lra).
  apply Rmult_le_compat_l; [lra|].
  assert (0 <= (E * a - b) * (E * a - b)) by apply Rle_0_sqr; lra.
Qed.

(** All weights together move by at most 2 tanh(eps/2) <= eps. *)
Theorem softmax_distance :
  0 <= eps -> total (fun k => Rabs (weight' keys k - weight keys k)) keys <= 2 * tanh_half eps.
Proof.
  intros He; assert (P := total_exp_pos fst); assert (P' := total_exp_pos snd).
  pose (d k := weight' keys k - weight keys k).
  pose (gains k := if Rle_dec 0 (d k) then 1 else 0).
  pose (a := total (fun k => gains k * exp (fst k)) keys).
  pose (a' := total (fun k => gains k * exp (snd k)) keys).
  pose (b := total (fun k => (1 - gains k) * exp (fst k)) keys).
  pose (b' := total (fun k => (1 - gains k) * exp (snd k)) keys).
  assert (G : forall k, 0 <= gains k <= 1) by (intros k; unfold gains; destruct Rle_dec; lra).
  assert (T : a + b = Z).
  { unfold a, b; rewrite <- total_plus; apply total_ext; intros; ring. }
  assert (T' : a' + b' = Z').
  { unfold a', b'; rewrite <- total_plus; apply total_ext; intros; ring. }
  assert (D : total d keys = 0).
  { unfold d; rewrite (total_ext _ _ (fun k => / Z' * exp (snd k) + (- / Z) * exp (fst k)) keys)
      by (intros; unfold weight, weight'; field; lra).
    rewrite total_plus, !total_scale; field; lra. }
  assert (S : total (fun k => Rabs (d k)) keys = 2 * (a' / (a' + b') - a / (a + b))).
  { rewrite T, T'.
    replace (2 * (a' / Z' - a / Z)) with (2 / Z' * a' + (- (2 / Z) * a + (- (1)) * total d keys))
      by (rewrite D; field; lra).
    unfold a, a'; rewrite <- !total_scale, <- !total_plus; apply total_ext; intros k _.
    unfold gains; destruct Rle_dec as [L | L].
    - rewrite Rabs_pos_eq by exact L; unfold d, weight, weight'; field; lra.
    - rewrite Rabs_left1 by lra; unfold d, weight, weight'; field; lra. }
  fold d; change (fun k => Rabs (weight' keys k - weight keys k)) with (fun k => Rabs (d k)).
  rewrite S; apply Rmult_le_compat_l; [lra|].
  assert (e := exp_ineq1_le eps).
  assert (ee : exp (- eps) = / exp eps) by apply exp_Ropp.
  apply two_parts; try lra.
  - apply total_nonneg; intros k _; apply Rmult_le_pos; [apply G | left; apply exp_pos].
  - apply total_nonneg; intros k _; apply Rmult_le_pos; [|left; apply exp_pos].
    specialize (G k); lra.
  - split.
    + apply total_nonneg; intros k _; apply Rmult_le_pos; [apply G | left; apply exp_pos].
    + unfold a, a'; rewrite <- total_scale; apply total_le; intros k I.
      assert (E := exp_close _ _ _ (close_scores k I)).
      replace (exp eps * _) with (gains k * (exp eps * exp (fst k))) by ring.
      apply Rmult_le_compat_l; [apply G | lra].
  - unfold b, b', Rdiv; rewrite <- ee, Rmult_comm, <- total_scale; apply total_le; intros k I.
    assert (E := exp_close _ _ _ (close_scores k I)).
    replace (exp (- eps) * _) with ((1 - gains k) * (exp (- eps) * exp (fst k))) by ring.
    apply Rmult_le_compat_l; [specialize (G k) |]; lra.
Qed.

(** * The output: v is the value of a key, V its largest magnitude *)

Theorem output_perturbation (v : R * R -> R) V :
  0 <= eps -> (forall k, In k keys -> Rabs (v k) <= V) ->
  Rabs (total (fun k => weight' keys k * v k) keys - total (fun k => weight keys k * v k) keys)
    <= 2 * tanh_half eps * V.
Proof.
  intros He HV.
  replace (_ - _) with (total (fun k => (weight' keys k - weight keys k) * v k) keys).
  2: { replace (total (fun k => weight' keys k * v k) keys - _)
         with (total (fun k => weight' keys k * v k) keys
               + (-1) * total (fun k => weight keys k * v k) keys) by ring.
       rewrite <- total_scale, <- total_plus; apply total_ext; intros; ring. }
  apply Rle_trans with (1 := total_abs _ _ _).
  assert (HV0 : 0 <= V).
  { destruct keys as [|k l]; [easy|]; apply Rle_trans with (Rabs (v k)); [apply Rabs_pos|].
    apply HV; now left. }
  apply Rle_trans with (V * total (fun k => Rabs (weight' keys k - weight keys k)) keys).
  - rewrite <- total_scale; apply total_le; intros k I; rewrite Rabs_mult, Rmult_comm.
    apply Rmult_le_compat_r; [apply Rabs_pos | now apply HV].
  - rewrite Rmult_comm; apply Rmult_le_compat_r; [exact HV0 | now apply softmax_distance].
Qed.

(** The values enter by their spread alone: attained by two groups of keys. *)
Theorem output_spread (v : R * R -> R) low high :
  0 <= eps -> (forall k, In k keys -> low <= v k <= high) ->
  Rabs (total (fun k => weight' keys k * v k) keys - total (fun k => weight keys k * v k) keys)
    <= tanh_half eps * (high - low).
Proof.
  intros He HV; assert (P := total_exp_pos fst); assert (P' := total_exp_pos snd).
  pose (c := (low + high) / 2).
  assert (N : total (fun k => weight keys k) keys = 1).
  { rewrite (total_ext _ _ (fun k => / Z * exp (fst k)) keys)
      by (intros; unfold weight; field; lra).
    rewrite total_scale; field; lra. }
  assert (N' : total (fun k => weight' keys k) keys = 1).
  { rewrite (total_ext _ _ (fun k => / Z' * exp (snd k)) keys)
      by (intros; unfold weight'; field; lra).
    rewrite total_scale; field; lra. }
  assert (O := output_perturbation (fun k => v k - c) ((high - low) / 2) He).
  assert (S : forall w, total (fun k => w k * (v k - c)) keys
                = total (fun k => w k * v k) keys + - c * total w keys).
  { intros w; rewrite <- total_scale, <- total_plus; apply total_ext; intros; ring. }
  rewrite !S in O; change (total (weight keys) keys) with (total (fun k => weight keys k) keys) in O.
  change (total (weight' keys) keys) with (total (fun k => weight' keys k) keys) in O.
  rewrite N, N' in O.
  replace (total (fun k => weight' keys k * v k) keys - total (fun k => weight keys k * v k) keys)
    with (total (fun k => weight' keys k * v k) keys + - c * 1
          - (total (fun k => weight keys k * v k) keys + - c * 1)) by ring.
  replace (tanh_half eps * (high - low)) with (2 * tanh_half eps * ((high - low) / 2)) by field.
  apply O; intros k I; specialize (HV k I); unfold c; apply Rabs_le; lra.
Qed.

(** The same, componentwise: attained in the limit by one light key among heavy ones. *)
Theorem output_componentwise (v : R * R -> R) :
  0 <= eps ->
  Rabs (total (fun k => weight' keys k * v k) keys - total (fun k => weight keys k * v k) keys)
    <= (exp (2 * eps) - 1) * total (fun k => weight keys k * Rabs (v k)) keys.
Proof.
  intros He; assert (P := total_exp_pos fst).
  replace (_ - _) with (total (fun k => (weight' keys k - weight keys k) * v k) keys).
  2: { replace (total (fun k => weight' keys k * v k) keys - _)
         with (total (fun k => weight' keys k * v k) keys
               + (-1) * total (fun k => weight keys k * v k) keys) by ring.
       rewrite <- total_scale, <- total_plus; apply total_ext; intros; ring. }
  apply Rle_trans with (1 := total_abs _ _ _); rewrite <- total_scale.
  apply total_le; intros k I; rewrite Rabs_mult, <- Rmult_assoc.
  apply Rmult_le_compat_r; [apply Rabs_pos|].
  assert (W : 0 <= weight keys k).
  { unfold weight, Rdiv; apply Rmult_le_pos; left; [apply exp_pos | now apply Rinv_0_lt_compat]. }
  assert (R := softmax_ratio k I).
  assert (E : 2 <= exp (2 * eps) + exp (- (2 * eps))).
  { assert (e := exp_pos (2 * eps)); rewrite exp_Ropp.
    apply Rmult_le_reg_r with (exp (2 * eps)); [exact e|].
    rewrite Rmult_plus_distr_r, Rinv_l by lra.
    assert (0 <= (exp (2 * eps) - 1) * (exp (2 * eps) - 1)) by apply Rle_0_sqr; lra. }
  assert (0 <= weight keys k * (exp (2 * eps) + exp (- (2 * eps)) - 2))
    by (apply Rmult_le_pos; lra).
  apply Rabs_le; lra.
Qed.

(** With decomposed weights p (error dp) and values w (error dw) besides. *)
Theorem output_error (v w p dp dw : R * R -> R) V :
  0 <= eps -> (forall k, In k keys -> Rabs (v k) <= V) ->
  (forall k, In k keys -> Rabs (p k - weight' keys k) <= dp k) ->
  (forall k, In k keys -> Rabs (w k - v k) <= dw k) ->
  Rabs (total (fun k => p k * w k) keys - total (fun k => weight keys k * v k) keys)
    <= 2 * tanh_half eps * V + total (fun k => dp k * Rabs (v k)) keys
       + total (fun k => Rabs (p k) * dw k) keys.
Proof.
  intros He HV HP HW; assert (O := output_perturbation v V He HV).
  assert (S : Rabs (total (fun k => p k * w k) keys - total (fun k => weight' keys k * v k) keys)
    <= total (fun k => dp k * Rabs (v k)) keys + total (fun k => Rabs (p k) * dw k) keys).
  { replace (_ - _) with
      (total (fun k => (p k - weight' keys k) * v k + p k * (w k - v k)) keys).
    - apply Rle_trans with (1 := total_abs _ _ _); rewrite <- total_plus; apply total_le; intros k I.
      apply Rle_trans with (1 := Rabs_triang _ _); rewrite !Rabs_mult; apply Rplus_le_compat.
      + apply Rmult_le_compat_r; [apply Rabs_pos | now apply HP].
      + apply Rmult_le_compat_l; [apply Rabs_pos | now apply HW].
    - replace (total (fun k => p k * w k) keys - _) with (total (fun k => p k * w k) keys
        + (-1) * total (fun k => weight' keys k * v k) keys) by ring.
      rewrite <- total_scale, <- total_plus; apply total_ext; intros; ring. }
  replace (_ - _) with
    ((total (fun k => p k * w k) keys - total (fun k => weight' keys k * v k) keys)
     + (total (fun k => weight' keys k * v k) keys - total (fun k => weight keys k * v k) keys))
    by ring.
  apply Rle_trans with (1 := Rabs_triang _ _); lra.
Qed.

End Softmax.

(** * Each score with an error of its own *)

Lemma powers_pos (keys : list (R * R)) (f : R * R -> R) :
  keys <> [] -> 0 < total (fun k => exp (f k)) keys.
Proof.
  intros some; destruct keys as [|k l]; [easy|]; simpl.
  apply Rplus_lt_le_0_compat; [apply exp_pos|].
  apply total_nonneg; intros; left; apply exp_pos.
Qed.

Theorem output_deviation (keys : list (R * R)) (e v : R * R -> R)
    (o := total (fun k => weight keys k * v k) keys) :
  keys <> [] -> (forall k, In k keys -> Rabs (snd k - fst k) <= e k) ->
  Rabs (total (fun k => weight' keys k * v k) keys - o)
    * total (fun k => weight keys k * exp (- e k)) keys
  <= total (fun k => weight keys k * (exp (e k) - 1) * Rabs (v k - o)) keys.
Proof.
  intros some close; assert (P := powers_pos keys fst some).
  assert (P' := powers_pos keys snd some).
  pose (Z := total (fun k => exp (fst k)) keys); pose (Z' := total (fun k => exp (snd k)) keys).
  fold Z in P; fold Z' in P'.
  pose (W := Z' / Z).
  assert (HW : 0 < W) by (unfold W, Rdiv; apply Rmult_lt_0_compat; [lra | now apply Rinv_0_lt_compat]).
  assert (W0 : forall k, 0 <= weight keys k).
  { intros k; unfold weight, Rdiv; apply Rmult_le_pos; left;
      [apply exp_pos | now apply Rinv_0_lt_compat]. }
  assert (X : forall k, weight' keys k * W = weight keys k * exp (snd k - fst k)).
  { intros k; unfold weight', weight, W; fold Z Z'.
    replace (snd k) with (fst k + (snd k - fst k)) at 1 by ring.
    rewrite exp_plus; field; lra. }
  assert (N : total (fun k => weight keys k) keys = 1).
  { rewrite (total_ext _ _ (fun k => / Z * exp (fst k)) keys)
      by (intros; unfold weight; fold Z; field; lra).
    rewrite total_scale; fold Z; field; lra. }
  assert (N' : total (fun k => weight' keys k) keys = 1).
  { rewrite (total_ext _ _ (fun k => / Z' * exp (snd k)) keys)
      by (intros; unfold weight'; fold Z'; field; lra).
    rewrite total_scale; fold Z'; field; lra. }
  assert (C : forall k, In k keys -> exp (- e k) <= exp (snd k - fst k) <= exp (e k)).
  { intros k I; specialize (close k I); apply Rabs_le_inv in close; split.
    - destruct (Req_dec (- e k) (snd k - fst k)) as [-> | D]; [lra | left; apply exp_increasing; lra].
    - destruct (Req_dec (snd k - fst k) (e k)) as [-> | D]; [lra | left; apply exp_increasing; lra]. }
  assert (L : total (fun k => weight keys k * exp (- e k)) keys <= W).
  { replace W with (W * total (fun k => weight' keys k) keys) by (rewrite N'; ring).
    rewrite <- total_scale; apply total_le; intros k I.
    rewrite (Rmult_comm W), X; apply Rmult_le_compat_l; [apply W0 | apply C, I]. }
  apply Rle_trans with (Rabs (total (fun k => weight' keys k * v k) keys - o) * W).
  { apply Rmult_le_compat_l; [apply Rabs_pos | exact L]. }
  rewrite <- (Rabs_pos_eq W) at 1 by lra; rewrite <- Rabs_mult.
  replace ((total (fun k => weight' keys k * v k) keys - o) * W)
    with (total (fun k => weight keys k * (exp (snd k - fst k) - 1) * (v k - o)) keys).
  2: { rewrite (total_ext _ _ (fun k => W * (weight' keys k * v k)
         + (- (W * o) * weight' keys k + (- (1) * (weight keys k * v k) + o * weight keys k))) keys).
       - rewrite !total_plus, !total_scale.
         change (total (weight keys) keys) with (total (fun k => weight keys k) keys).
         change (total (weight' keys) keys) with (total (fun k => weight' keys k) keys).
         rewrite N, N'; fold o; ring.
       - intros k _; replace (W * (weight' keys k * v k)) with (weight' keys k * W * v k) by ring.
         replace (- (W * o) * weight' keys k) with (- o * (weight' keys k * W)) by ring.
         rewrite X; ring. }
  apply Rle_trans with (1 := total_abs _ _ _); apply total_le; intros k I.
  rewrite !Rabs_mult, (Rabs_pos_eq (weight keys k)) by apply W0.
  apply Rmult_le_compat_r; [apply Rabs_pos|]; apply Rmult_le_compat_l; [apply W0|].
  specialize (C k I).
  assert (E : 2 <= exp (e k) + exp (- e k)).
  { assert (p := exp_pos (e k)); rewrite exp_Ropp.
    apply Rmult_le_reg_r with (exp (e k)); [exact p|].
    rewrite Rmult_plus_distr_r, Rinv_l by lra.
    assert (0 <= (exp (e k) - 1) * (exp (e k) - 1)) by apply Rle_0_sqr; lra. }
  apply Rabs_le; lra.
Qed.

(** * Online softmax: in exact arithmetic the running maximum changes nothing *)

Record state := State { top : R; mass : R; output : R }.

(** Take in a key of score s and value v. *)
Definition step (st : state) (key : R * R) : state :=
  let m := Rmax (top st) (fst key) in
  State m (exp (top st - m) * mass st + exp (fst key - m))
    (exp (top st - m) * output st + exp (fst key - m) * snd key).

Lemma online_invariant keys st (r := fold_left step keys st) :
  exp (top r) * mass r = exp (top st) * mass st + total (fun k => exp (fst k)) keys /\
  exp (top r) * output r = exp (top st) * output st + total (fun k => exp (fst k) * snd k) keys.
Proof.
  unfold r; clear r; revert st; induction keys as [|k l IH]; intros st; simpl; [lra|].
  destruct (IH (step st k)) as [H1 H2]; rewrite H1, H2; unfold step; simpl.
  set (m := Rmax _ _).
  assert (E : forall a, exp m * exp (a - m) = exp a) by (intros a; rewrite <- exp_plus; f_equal; ring).
  rewrite !Rmult_plus_distr_l, <- !Rmult_assoc, !E; lra.
Qed.

Theorem online_softmax k keys (r := fold_left step keys (State (fst k) 1 (snd k))) :
  output r / mass r =
  total (fun k => exp (fst k) * snd k) (k :: keys) / total (fun k => exp (fst k)) (k :: keys).
Proof.
  destruct (online_invariant keys (State (fst k) 1 (snd k))) as [H1 H2]; fold r in H1, H2.
  simpl top in *; simpl mass in *; simpl output in *; simpl total.
  rewrite Rmult_1_r in H1; rewrite <- H1, <- H2.
  assert (P := exp_pos (top r)).
  assert (0 < exp (top r) * mass r).
  { rewrite H1; apply Rplus_lt_le_0_compat; [apply exp_pos|].
    apply total_nonneg; intros; left; apply exp_pos. }
  assert (mass r <> 0) by (intros N; rewrite N, Rmult_0_r in *; lra).
  field; lra.
Qed.

(** * Floating point: shifts, powers, decays, chains of sums, the quotient *)

(** ** The power of a key, and its decays *)

Inductive powers (u eps : R) : R -> R -> nat -> Prop :=
  | powers_none : powers u eps 0 1 0
  | powers_more d x z way p n :
      powers u eps way p n -> d <= 0 -> Rabs (x - d) <= u * Rabs d ->
      Rabs (z - exp x) <= eps * exp x -> powers u eps (way + d) (p * z) (S n).

Lemma power_error eps x z : 0 <= eps < 1 -> Rabs (z - exp x) <= eps * exp x ->
  exists c, z = exp (x + c) /\ Rabs c <= - ln (1 - eps).
Proof.
  intros E Z; apply Rabs_le_inv in Z; assert (X := exp_pos x).
  assert (P : 0 < z).
  { assert (eps * exp x < 1 * exp x) by (apply Rmult_lt_compat_r; lra); lra. }
  exists (ln z - x); split; [now rewrite Rplus_minus, exp_ln|].
  assert (L : ln (1 - eps) + x <= ln z).
  { rewrite <- (ln_exp x) at 1; rewrite <- ln_mult by lra.
    destruct (Req_dec ((1 - eps) * exp x) z) as [-> | N]; [lra|]; left; apply ln_increasing; [nra | lra]. }
  assert (U : ln z <= x - ln (1 - eps)).
  { rewrite <- (ln_exp x) at 1; unfold Rminus at 1; rewrite <- ln_Rinv by lra.
    assert (I : 0 < / (1 - eps)) by (apply Rinv_0_lt_compat; lra).
    rewrite <- ln_mult by lra.
    assert (B : z <= exp x * / (1 - eps)).
    { apply Rmult_le_reg_r with (1 - eps); [lra|]; rewrite Rmult_assoc, Rinv_l, Rmult_1_r by lra.
      assert (z <= (1 + eps) * exp x) by lra.
      assert (0 <= eps * eps) by (apply Rmult_le_pos; lra).
      assert (z * (1 - eps) <= (1 + eps) * exp x * (1 - eps)) by (apply Rmult_le_compat_r; lra); nra. }
    destruct (Req_dec z (exp x * / (1 - eps))) as [-> | N]; [lra|]; left; apply ln_increasing; lra. }
  apply Rabs_le; lra.
Qed.

(** Whatever the maxima were: the differences add up to the way from the score to the last maximum. *)
Theorem shift_chain u eps way p n : 0 <= u -> 0 <= eps < 1 -> powers u eps way p n ->
  exists c, p = exp (way + c) /\ Rabs c <= u * Rabs way - INR n * ln (1 - eps).
Proof.
  intros U E H.
  assert (G : way <= 0 /\ exists c, p = exp (way + c) /\ Rabs c <= u * Rabs way - INR n * ln (1 - eps)).
  { induction H as [| d x z way p n _ IH D X Z].
    - split; [lra|]; exists 0; rewrite Rplus_0_r, exp_0, Rabs_R0; simpl; split; lra.
    - destruct IH as [W (c & P & C)]; destruct (power_error eps x z E Z) as (q & Q & B).
      split; [lra|]; exists (c + (x - d) + q); split.
      + rewrite P, Q, <- exp_plus; f_equal; ring.
      + rewrite S_INR; apply Rle_trans with (1 := Rabs_triang _ _).
        assert (T := Rabs_triang c (x - d)).
        rewrite (Rabs_left1 way) in C by lra; rewrite (Rabs_left1 d) in X by lra.
        rewrite (Rabs_left1 (way + d)) by lra; lra. }
  apply G.
Qed.

(** ** The worst move of the weights: all errors upward above some value, and downward below it *)

Section Weights.

Variable A : Type.
Variables (q v : A -> R) (keys : list A).
Hypothesis some : keys <> [].
Hypothesis positive : forall k, In k keys -> 0 < q k.

Definition mean : R := total (fun k => q k * v k) keys / total q keys.

Lemma mass_pos : 0 < total q keys.
Proof.
  revert positive; destruct keys as [|k l]; [easy|]; intros positive; simpl.
  apply Rplus_lt_le_0_compat; [apply positive; now left|].
  apply total_nonneg; intros x I; left; apply positive; now right.
Qed.

End Weights.

Arguments mean {A}.

Lemma total_pos_le {A} (f g : A -> R) l : (forall x, In x l -> f x <= g x) -> total f l <= total g l.
Proof. apply total_le. Qed.

(** Raising the weights of the values above the mean, and lowering the others, raises the mean. *)
Lemma mean_raised {A} (q q' v : A -> R) keys :
  keys <> [] -> (forall k, In k keys -> 0 < q k) -> (forall k, In k keys -> 0 < q' k) ->
  (forall k, In k keys -> mean q v keys <= v k -> q k <= q' k) ->
  (forall k, In k keys -> v k < mean q v keys -> q' k <= q k) ->
  mean q v keys <= mean q' v keys.
Proof.
  intros N P P' U D; assert (Z := mass_pos A q keys N P); assert (Z' := mass_pos A q' keys N P').
  set (o := mean q v keys) in *.
  assert (B : total (fun k => q k * (v k - o)) keys = 0).
  { rewrite (total_ext _ _ (fun k => q k * v k + (- o) * q k) keys) by (intros; ring).
    rewrite total_plus, total_scale; unfold o, mean; field; lra. }
  assert (C : 0 <= total (fun k => q' k * (v k - o)) keys).
  { rewrite <- B; apply total_le; intros k I; destruct (Rle_or_lt o (v k)) as [L | G].
    - apply Rmult_le_compat_r; [lra | now apply U].
    - assert (q' k <= q k) by now apply D.
      assert (0 <= (q k - q' k) * (o - v k)) by (apply Rmult_le_pos; lra); lra. }
  rewrite (total_ext _ _ (fun k => q' k * v k + (- o) * q' k) keys) in C by (intros; ring).
  rewrite total_plus, total_scale in C; unfold mean.
  apply Rmult_le_reg_r with (1 := Z'); unfold Rdiv; rewrite Rmult_assoc, Rinv_l by lra; lra.
Qed.

Definition moved {A} (q e : A -> R) (above : A -> bool) (k : A) : R :=
  q k * exp (if above k then e k else - e k).

(** Weights moved by up to e in their logarithms: some threshold moves the mean further up. *)
Theorem threshold {A} (q t e v : A -> R) keys (tau := mean t v keys)
    (above := fun k => if Rle_dec tau (v k) then true else false) :
  keys <> [] -> (forall k, In k keys -> 0 < q k) ->
  (forall k, In k keys -> exists c, t k = q k * exp c /\ Rabs c <= e k) ->
  mean t v keys <= mean (moved q e above) v keys.
Proof.
  intros N P T; apply mean_raised; [exact N | | | |].
  - intros k I; destruct (T k I) as (c & -> & _); apply Rmult_lt_0_compat; [now apply P | apply exp_pos].
  - intros k I; apply Rmult_lt_0_compat; [now apply P | apply exp_pos].
  - intros k I L; destruct (T k I) as (c & -> & C); apply Rabs_le_inv in C; unfold moved, above.
    destruct Rle_dec; [|tauto]; apply Rmult_le_compat_l; [left; now apply P|].
    destruct (Req_dec c (e k)) as [-> | D]; [lra | left; apply exp_increasing; lra].
  - intros k I L; destruct (T k I) as (c & -> & C); apply Rabs_le_inv in C; unfold moved, above.
    destruct Rle_dec as [H | _]; [unfold tau in H; lra|]; apply Rmult_le_compat_l; [left; now apply P|].
    destruct (Req_dec c (- e k)) as [-> | D]; [lra | left; apply exp_increasing; lra].
Qed.

(** ** Numerator, denominator and quotient *)

(** Powers that may be too small for a relative error, h; represented as w, values as v'; a tree of
    roundings adds them up. *)
Theorem numerator_error {A} (keys : list A) (q p w v v' lost carried h : A -> R) W t N a g H :
  (forall k, In k keys -> 0 <= q k) ->
  (forall k, In k keys -> Rabs (p k - q k) <= h k) ->
  (forall k, In k keys -> Rabs (w k - p k) <= lost k) ->
  exact_value t = total (fun k => w k * v' k) keys ->
  counted t <= total (fun k => carried k * Rabs (v' k)) keys ->
  proper t -> growth t <= 1 + g -> underflow t <= H -> peak t <= W -> computes W t N a ->
  Rabs (N - total (fun k => q k * v k) keys) <=
    total (fun k => (lost k + h k + g * carried k) * Rabs (v' k)) keys
    + total (fun k => q k * Rabs (v' k - v k)) keys + (1 + g) * H.
Proof.
  intros Q P L X M Pt G U K C.
  destruct (tree_error W t N a Pt C K) as [E _].
  assert (G1 := growth_ge_1 t Pt); assert (U0 := underflow_pos t Pt); assert (C0 := counted_pos t Pt).
  assert (B : Rabs (N - exact_value t) <= g * total (fun k => carried k * Rabs (v' k)) keys + (1 + g) * H).
  { apply Rle_trans with (1 := E); unfold tree_bound; apply Rplus_le_compat.
    - apply Rmult_le_compat; lra.
    - apply Rmult_le_compat; lra. }
  rewrite X in B.
  assert (D : Rabs (total (fun k => w k * v' k) keys - total (fun k => q k * v k) keys)
    <= total (fun k => (lost k + h k) * Rabs (v' k) + q k * Rabs (v' k - v k)) keys).
  { replace (_ - _) with (total (fun k => w k * v' k + (-1) * (q k * v k)) keys)
      by (rewrite total_plus, total_scale; ring).
    apply Rle_trans with (1 := total_abs _ _ _); apply total_le; intros k I.
    replace (w k * v' k + -1 * (q k * v k))
      with (((w k - p k) + (p k - q k)) * v' k + q k * (v' k - v k)) by ring.
    apply Rle_trans with (1 := Rabs_triang _ _); rewrite !Rabs_mult, (Rabs_pos_eq (q k)) by now apply Q.
    apply Rplus_le_compat_r, Rmult_le_compat_r; [apply Rabs_pos|].
    apply Rle_trans with (1 := Rabs_triang _ _); specialize (P k I); specialize (L k I); lra. }
  rewrite total_plus in D.
  rewrite (total_ext _ (fun k => (lost k + h k + g * carried k) * Rabs (v' k))
    (fun k => (lost k + h k) * Rabs (v' k) + g * (carried k * Rabs (v' k))) keys) by (intros; ring).
  rewrite total_plus, total_scale.
  replace (N - _) with ((N - total (fun k => w k * v' k) keys)
    + (total (fun k => w k * v' k) keys - total (fun k => q k * v k) keys)) by ring.
  apply Rle_trans with (1 := Rabs_triang _ _); lra.
Qed.

(** The output: D bounds the move of the mean, n and g the errors of numerator and denominator. *)
Theorem quotient_error {A} (keys : list A) (q v : A -> R) (o D n g u h N L y : R)
    (Z := total q keys) :
  keys <> [] -> (forall k, In k keys -> 0 < q k) ->
  Rabs (mean q v keys - o) <= D ->
  Rabs (N - total (fun k => q k * v k) keys) <= n * Z ->
  Rabs (L - Z) <= g * Z -> 0 <= g < 1 -> 0 <= u ->
  Rabs (y - N / L) <= u * Rabs (N / L) + h ->
  Rabs (y - o) <= D + (1 + u) / (1 - g) * (n + g * (Rabs o + D)) + u * (Rabs o + D) + h.
Proof.
  intros S P HD HN HL G U HY; assert (HZ : 0 < Z) by now apply mass_pos.
  set (m := mean q v keys) in *.
  assert (M : total (fun k => q k * v k) keys = m * Z) by (unfold m, mean, Z in *; field; lra).
  rewrite M in HN.
  assert (Lp : (1 - g) * Z <= L) by (apply Rabs_le_inv in HL; lra).
  assert (L0 : 0 < L) by (apply Rlt_le_trans with (2 := Lp); apply Rmult_lt_0_compat; lra).
  assert (Mo : Rabs m <= Rabs o + D).
  { replace m with (o + (m - o)) by ring; apply Rle_trans with (1 := Rabs_triang _ _); lra. }
  assert (Q : Rabs (N / L - m) <= / (1 - g) * (n + g * Rabs m)).
  { assert (F : Rabs (N - m * L) <= (n + g * Rabs m) * Z).
    { replace (N - m * L) with ((N - m * Z) + m * (Z - L)) by ring.
      apply Rle_trans with (1 := Rabs_triang _ _); rewrite Rabs_mult, (Rabs_minus_sym Z).
      assert (Rabs m * Rabs (L - Z) <= Rabs m * (g * Z)) by (apply Rmult_le_compat_l; [apply Rabs_pos | lra]).
      lra. }
    replace (N / L - m) with ((N - m * L) / L) by (field; lra).
    unfold Rdiv; rewrite Rabs_mult, (Rabs_pos_eq (/ L)) by (left; now apply Rinv_0_lt_compat).
    apply Rmult_le_reg_r with (1 := L0); rewrite Rmult_assoc, Rinv_l, Rmult_1_r by lra.
    assert (X : 0 <= n + g * Rabs m).
    { apply Rmult_le_reg_r with (1 := HZ); rewrite Rmult_0_l; apply Rle_trans with (2 := F), Rabs_pos. }
    apply Rle_trans with (1 := F).
    apply Rle_trans with (/ (1 - g) * (n + g * Rabs m) * ((1 - g) * Z)).
    - right; field; lra.
    - apply Rmult_le_compat_l; [|exact Lp].
      apply Rmult_le_pos; [left; apply Rinv_0_lt_compat; lra | exact X]. }
  assert (I : 0 < / (1 - g)) by (apply Rinv_0_lt_compat; lra).
  assert (Q' : Rabs (N / L - m) <= / (1 - g) * (n + g * (Rabs o + D))).
  { apply Rle_trans with (1 := Q); apply Rmult_le_compat_l; [lra|].
    assert (g * Rabs m <= g * (Rabs o + D)) by (apply Rmult_le_compat_l; lra); lra. }
  assert (NL : Rabs (N / L) <= / (1 - g) * (n + g * (Rabs o + D)) + (Rabs o + D)).
  { replace (N / L) with ((N / L - m) + m) by ring; apply Rle_trans with (1 := Rabs_triang _ _); lra. }
  replace (y - o) with ((y - N / L) + ((N / L - m) + (m - o))) by ring.
  apply Rle_trans with (1 := Rabs_triang _ _).
  assert (T := Rabs_triang (N / L - m) (m - o)).
  assert (UN : u * Rabs (N / L) <= u * (/ (1 - g) * (n + g * (Rabs o + D)) + (Rabs o + D)))
    by (apply Rmult_le_compat_l; assumption).
  replace ((1 + u) / (1 - g) * (n + g * (Rabs o + D)))
    with (/ (1 - g) * (n + g * (Rabs o + D)) + u * (/ (1 - g) * (n + g * (Rabs o + D)))) by (field; lra).
  lra.
Qed.
