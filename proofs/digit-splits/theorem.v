(** A number split into digits by a kernel that rounds every operation. *)

From Msdnum Require Import InnerProduct.

(** Digits a of y: each within c of what it rounds, then the rest times rho for the next one; every
    operation has a relative error of at most u. *)
Inductive splits (rho u c : R) : R -> list R -> Prop :=
  | splits_last y a : Rabs (a - y) <= c -> splits rho u c y [a]
  | splits_more y a z y' l :
      Rabs (a - y) <= c -> Rabs (z - (y - a)) <= u * Rabs (y - a) ->
      Rabs (y' - z * rho) <= u * Rabs (z * rho) ->
      splits rho u c y' l -> splits rho u c y (a :: l).

Fixpoint split_value (rho : R) (l : list R) : R :=
  match l with
  | [] => 0
  | a :: l => a + split_value rho l / rho
  end.

(** What n digits leave of y. *)
Fixpoint split_error (rho u c : R) (n : nat) : R :=
  match n with
  | O => 0
  | S O => c
  | S n => c * (2 * u + u ^ 2) + split_error rho u c n / rho
  end.

Theorem split_bound rho u c y l :
  0 < rho -> 0 <= u -> splits rho u c y l ->
  Rabs (y - split_value rho l) <= split_error rho u c (length l).
Proof.
  intros Hr U H; assert (I : 0 < / rho) by (now apply Rinv_0_lt_compat).
  induction H as [y a A | y a z y' l A Z Y H IH].
  { simpl; unfold Rdiv; rewrite Rmult_0_l, Rplus_0_r, Rabs_minus_sym; exact A. }
  assert (E : split_error rho u c (length (a :: l)) = c * (2 * u + u ^ 2) + split_error rho u c (length l) / rho)
    by (destruct H; reflexivity).
  rewrite E; cbn [split_value]; set (v := split_value rho l) in *.
  rewrite Rabs_minus_sym in A; set (d := y - a) in *; assert (D := Rabs_pos d).
  assert (Zd : Rabs z <= (1 + u) * Rabs d).
  { replace z with (d + (z - d)) by ring; apply Rle_trans with (1 := Rabs_triang _ _); lra. }
  assert (Q : Rabs (z - y' / rho) <= u * Rabs z).
  { apply Rmult_le_reg_r with (1 := Hr); rewrite <- (Rabs_pos_eq rho) at 2 by lra.
    rewrite <- Rabs_mult; replace ((z - y' / rho) * rho) with (- (y' - z * rho)) by (field; lra).
    rewrite Rabs_Ropp; apply Rle_trans with (1 := Y); rewrite Rabs_mult, (Rabs_pos_eq rho) by lra; lra. }
  assert (V : Rabs (y' / rho - v / rho) <= split_error rho u c (length l) / rho).
  { replace (y' / rho - v / rho) with ((y' - v) * / rho) by (field; lra).
    rewrite Rabs_mult, (Rabs_pos_eq (/ rho)) by lra; apply Rmult_le_compat_r; lra. }
  replace (y - (a + v / rho)) with ((d - z) + ((z - y' / rho) + (y' / rho - v / rho)))
    by (unfold d; ring).
  apply Rle_trans with (1 := Rabs_triang _ _).
  assert (T := Rabs_triang (z - y' / rho) (y' / rho - v / rho)); rewrite (Rabs_minus_sym d z).
  assert (u * Rabs z <= u * ((1 + u) * Rabs d)) by (apply Rmult_le_compat_l; lra).
  assert ((2 * u + u ^ 2) * Rabs d <= (2 * u + u ^ 2) * c).
  { apply Rmult_le_compat_l; [|exact A]; assert (0 <= u ^ 2) by apply pow2_ge_0; lra. }
  lra.
Qed.

(** The weights of a recombination, e off in all. *)
Fixpoint weighted (weights l : list R) : R :=
  match weights, l with
  | w :: weights, a :: l => w * a + weighted weights l
  | _, _ => 0
  end.

(** x over M, off by nu, times the first constant F: n digits leave no more of x than this. *)
Theorem kernel_split rho u c nu e F M x t y l weights (X := x / M) :
  0 < rho -> 0 <= u -> 0 < F -> 0 < M -> Rabs x <= M -> 0 <= nu ->
  Rabs (t - X) <= nu * Rabs X -> Rabs (y - t * F) <= u * Rabs (t * F) ->
  splits rho u c y l ->
  Rabs (weighted weights l - split_value rho l / F) <= e ->
  Rabs (x - M * weighted weights l) <=
    M * (split_error rho u c (length l) / F + (nu + u + nu * u) + e).
Proof.
  intros Hr U HF HM HX N T Y S W; assert (B := split_bound rho u c y l Hr U S).
  set (v := split_value rho l) in *; set (E := split_error rho u c (length l)) in *.
  assert (X1 : Rabs X <= 1).
  { unfold X, Rdiv; rewrite Rabs_mult, Rabs_inv, (Rabs_pos_eq M) by lra.
    apply Rmult_le_reg_r with (1 := HM); rewrite Rmult_assoc, Rinv_l by lra; lra. }
  assert (I : 0 < / F) by now apply Rinv_0_lt_compat.
  assert (T1 : Rabs t <= 1 + nu).
  { replace t with (X + (t - X)) by ring; apply Rle_trans with (1 := Rabs_triang _ _).
    assert (nu * Rabs X <= nu * 1) by (apply Rmult_le_compat_l; lra); lra. }
  assert (Q : Rabs (y / F - t) <= u * (1 + nu)).
  { apply Rmult_le_reg_r with (1 := HF); rewrite <- (Rabs_pos_eq F) at 2 by lra.
    rewrite <- Rabs_mult; replace ((y / F - t) * F) with (y - t * F) by (field; lra).
    apply Rle_trans with (1 := Y); rewrite Rabs_mult, (Rabs_pos_eq F), <- Rmult_assoc by lra.
    apply Rmult_le_compat_r; [lra|]; apply Rmult_le_compat_l; [exact U | lra]. }
  assert (V : Rabs (v / F - y / F) <= E / F).
  { replace (v / F - y / F) with (- ((y - v) * / F)) by (field; lra).
    rewrite Rabs_Ropp, Rabs_mult, (Rabs_pos_eq (/ F)) by lra; apply Rmult_le_compat_r; lra. }
  replace (x - M * weighted weights l) with (- (M * (weighted weights l - X)))
    by (unfold X; field; lra).
  rewrite Rabs_Ropp, Rabs_mult, (Rabs_pos_eq M) by lra; apply Rmult_le_compat_l; [lra|].
  replace (weighted weights l - X) with ((weighted weights l - v / F) + ((v / F - y / F)
    + ((y / F - t) + (t - X)))) by ring.
  apply Rle_trans with (1 := Rabs_triang _ _).
  assert (T2 := Rabs_triang (v / F - y / F) ((y / F - t) + (t - X))).
  assert (T3 := Rabs_triang (y / F - t) (t - X)).
  assert (nu * Rabs X <= nu * 1) by (apply Rmult_le_compat_l; lra); lra.
Qed.

(** A kernel that subtracts from t itself: p is the first digit over F, off by w; the second is of
    the rest times G. *)
Theorem direct_split u c nu w F G M x t a p z y b (X := x / M) :
  0 <= u -> 0 < G -> 0 < M -> Rabs x <= M -> 0 <= nu ->
  Rabs (t - X) <= nu * Rabs X -> Rabs (p - a / F) <= w ->
  Rabs (z - (t - p)) <= u * Rabs (t - p) -> Rabs (y - z * G) <= u * Rabs (z * G) ->
  Rabs (b - y) <= c ->
  Rabs (x - M * (a / F + b / G)) <= M * (c / G + (2 * u + u ^ 2) * Rabs (t - p) + nu + w).
Proof.
  intros U HG HM HX N T P Z Y B; assert (I : 0 < / G) by now apply Rinv_0_lt_compat.
  assert (X1 : Rabs X <= 1).
  { unfold X, Rdiv; rewrite Rabs_mult, Rabs_inv, (Rabs_pos_eq M) by lra.
    apply Rmult_le_reg_r with (1 := HM); rewrite Rmult_assoc, Rinv_l by lra; lra. }
  set (d := t - p) in *; assert (D := Rabs_pos d).
  assert (Zd : Rabs z <= (1 + u) * Rabs d).
  { replace z with (d + (z - d)) by ring; apply Rle_trans with (1 := Rabs_triang _ _); lra. }
  assert (Q : Rabs (y / G - z) <= u * Rabs z).
  { apply Rmult_le_reg_r with (1 := HG); rewrite <- (Rabs_pos_eq G) at 2 by lra.
    rewrite <- Rabs_mult; replace ((y / G - z) * G) with (y - z * G) by (field; lra).
    apply Rle_trans with (1 := Y); rewrite Rabs_mult, (Rabs_pos_eq G) by lra; lra. }
  assert (V : Rabs (b / G - y / G) <= c / G).
  { replace (b / G - y / G) with ((b - y) * / G) by (field; lra).
    rewrite Rabs_mult, (Rabs_pos_eq (/ G)) by lra; apply Rmult_le_compat_r; lra. }
  assert (MX : x = M * X) by (unfold X; field; lra); clearbody X; subst x.
  replace (M * X - M * (a / F + b / G)) with (- (M * (a / F + b / G - X))) by ring.
  rewrite Rabs_Ropp, Rabs_mult, (Rabs_pos_eq M) by lra; apply Rmult_le_compat_l; [lra|].
  replace (a / F + b / G - X) with ((b / G - y / G) + ((y / G - z) + ((z - d) + ((a / F - p) + (t - X)))))
    by (unfold d; ring).
  assert (T1 := Rabs_triang (b / G - y / G) ((y / G - z) + ((z - d) + ((a / F - p) + (t - X))))).
  assert (T2 := Rabs_triang (y / G - z) ((z - d) + ((a / F - p) + (t - X)))).
  assert (T3 := Rabs_triang (z - d) ((a / F - p) + (t - X))).
  assert (T4 := Rabs_triang (a / F - p) (t - X)); rewrite (Rabs_minus_sym (a / F)) in T4.
  assert (nu * Rabs X <= nu * 1) by (apply Rmult_le_compat_l; lra).
  assert (u * Rabs z <= u * ((1 + u) * Rabs d)) by (apply Rmult_le_compat_l; lra); lra.
Qed.

(** The same, from the relative errors of the operations alone: the first digit over F is off by e,
    a product with a rounded reciprocal, and the digit is of t times F, rounded. *)
Theorem direct_split_error u c nu e F G M x t v a p z y b (X := x / M)
    (d := 1 / (2 * F) + u * (1 + nu)) (o := e * (1 + nu + d)) :
  0 <= u -> 0 < F -> 0 < G -> 0 < M -> Rabs x <= M -> 0 <= nu -> 0 <= e ->
  Rabs (t - X) <= nu * Rabs X -> Rabs (v - t * F) <= u * Rabs (t * F) -> Rabs (a - v) <= 1 / 2 ->
  Rabs (p - a / F) <= e * Rabs (a / F) -> Rabs (z - (t - p)) <= u * Rabs (t - p) ->
  Rabs (y - z * G) <= u * Rabs (z * G) -> Rabs (b - y) <= c ->
  Rabs (x - M * (a / F + b / G)) <= M * (c / G + (2 * u + u ^ 2) * (d + o) + nu + o).
Proof.
  intros U HF HG HM HX N E T V A P Z Y B.
  assert (X1 : Rabs X <= 1).
  { unfold X, Rdiv; rewrite Rabs_mult, Rabs_inv, (Rabs_pos_eq M) by lra.
    apply Rmult_le_reg_r with (1 := HM); rewrite Rmult_assoc, Rinv_l by lra; lra. }
  assert (T1 : Rabs t <= 1 + nu).
  { replace t with (X + (t - X)) by ring; apply Rle_trans with (1 := Rabs_triang _ _).
    assert (nu * Rabs X <= nu * 1) by (apply Rmult_le_compat_l; lra); lra. }
  assert (D : Rabs (a / F - t) <= d).
  { apply Rmult_le_reg_r with (1 := HF); rewrite <- (Rabs_pos_eq F) at 2 by lra.
    rewrite <- Rabs_mult; replace ((a / F - t) * F) with ((a - v) + (v - t * F)) by (field; lra).
    apply Rle_trans with (1 := Rabs_triang _ _).
    replace (d * F) with (1 / 2 + u * ((1 + nu) * F)) by (unfold d; field; lra).
    rewrite Rabs_mult, (Rabs_pos_eq F) in V by lra.
    assert (u * (Rabs t * F) <= u * ((1 + nu) * F)).
    { apply Rmult_le_compat_l; [exact U|]; apply Rmult_le_compat_r; lra. }
    lra. }
  assert (O : Rabs (p - a / F) <= o).
  { apply Rle_trans with (1 := P); apply Rmult_le_compat_l; [exact E|].
    replace (a / F) with (t + (a / F - t)) by ring; apply Rle_trans with (1 := Rabs_triang _ _); lra. }
  apply Rle_trans with (1 := direct_split u c nu o F G M x t a p z y b U HG HM HX N T O Z Y B).
  assert (R : Rabs (t - p) <= d + o).
  { replace (t - p) with (- (a / F - t) + - (p - a / F)) by ring.
    apply Rle_trans with (1 := Rabs_triang _ _); rewrite !Rabs_Ropp; lra. }
  assert (Q : (2 * u + u ^ 2) * Rabs (t - p) <= (2 * u + u ^ 2) * (d + o)).
  { apply Rmult_le_compat_l; [assert (0 <= u ^ 2) by apply pow2_ge_0; lra | exact R]. }
  apply Rmult_le_compat_l; lra.
Qed.
