(** Every headline theorem, closed: all that is assumed stands in the statement, and nothing else is
    behind it than definitions. They are those of Coq, of Flocq and of the four shared files; where a
    statement needs one of its own folder, the part names it first. The README of each folder quotes
    its part. *)

(* Coq's and Flocq's names come last, so that none of ours can stand in for them. *)
From Msdnum Require Import Formats Decomposition InnerProduct.
From Flocq Require Import Core.
From Coq Require Import Reals ZArith List Permutation.
Import ListNotations.
Open Scope R_scope.

(** * element-rounding *)

From Msdnum.element_rounding Require theorem.
Notation cast f x := (saturate (max_finite f) (binary (emin f) (prec f) x)).
Notation five_formats := [e2m1; e2m3; e3m2; e4m3; e5m2].

(** A cast to one of the five formats, [x] in its range: u/(1+u) relative, or half the underflow unit. *)
Theorem element_rounding (f : element) (x : R) (u := pow2 (- prec f)) :
  In f five_formats -> Rabs x <= max_finite f ->
  Rabs (cast f x - x) <= Rmax (u / (1 + u) * Rabs x) (pow2 (emin f) / 2).
Proof. exact (element_rounding.theorem.element_rounding f x). Qed.

(** The same for any tie rule: [choice] says of each tie whether it goes up. *)
Theorem element_rounding_any_ties (choice : Z -> bool) (f : element) (x : R) (u := pow2 (- prec f)) :
  In f five_formats -> Rabs x <= max_finite f ->
  Rabs (saturate (max_finite f) (round radix2 (FLT_exp (emin f) (prec f)) (Znearest choice) x) - x) <=
    Rmax (u / (1 + u) * Rabs x) (pow2 (emin f) / 2).
Proof. exact (element_rounding.theorem.element_rounding_any_ties choice f x). Qed.

(** Both are attained. *)
Theorem element_rounding_attained (f : element) (u := pow2 (- prec f)) (eta := pow2 (emin f)) :
  In f five_formats ->
  Rabs (cast f (1 + u) - (1 + u)) = u / (1 + u) * Rabs (1 + u) /\
  Rabs (cast f (eta / 2) - eta / 2) = eta / 2.
Proof.
  intros F; split; [exact (element_rounding.theorem.relative_attained f F)|].
  exact (element_rounding.theorem.subnormal_attained f F).
Qed.

(** * remainder *)

From Coq Require QArith_base.
From Msdnum Require Remainder.
Import Remainder(
  format, valid_terms, valid_rules, sound, leaves, bound, remainder_of, to_even, in_units,
  rational_sound, rational_bound, rule, limit, ruled, by_ratios, ratios_bound, leaves_own, own_bound).
Notation to_real := Rdefinitions.Q2R.

(** Terms of any formats and real scales, any of the nearest numbers chosen, saturated or not. *)
Theorem remainder_of_terms (terms : list (format * R)) (a x y : R) :
  Forall sound terms -> Rabs x <= a -> leaves terms x y -> Rabs y <= bound terms a.
Proof. exact (Remainder.leaves_bound terms x y a). Qed.

(** Some real x leaves that much, ties to even. *)
Theorem remainder_of_terms_attained (terms : list (format * R)) (a : R) :
  Forall sound terms -> 0 < a ->
  exists x, let y := remainder_of to_even terms x in
    Rabs x <= a /\ leaves terms x y /\ Rabs y = bound terms a.
Proof.
  intros V A; destruct (Remainder.bound_attained terms a V A) as (x & X & E); exists x.
  split; [exact X | split; [|exact E]].
  apply Remainder.remainder_of_leaves; [exact Remainder.to_even_nearest | exact V].
Qed.

(** With rational scales, in units of any u, it is a rational number, and computed. *)
Theorem remainder_of_terms_computed (terms : list (format * QArith_base.Q)) (a : QArith_base.Q) (u : R) :
  0 < u -> rational_sound terms = true -> 0 < to_real a ->
  bound (in_units u terms) (u * to_real a) = u * to_real (rational_bound terms a).
Proof. exact (Remainder.rational_bound_correct u terms a). Qed.

(** E8M0 scales: the first by a rule, the others below it by powers of two; amax is covered by 2^k. *)
Theorem remainder_by_ratios (r : rule) (terms : list (format * Z)) (k e : Z) (amax x y : R) :
  valid_terms terms = true -> 0 < to_real (limit r) ->
  pow2 (k - 1) < amax <= pow2 k -> ruled r amax e -> Rabs x <= amax ->
  leaves (by_ratios e terms) x y -> Rabs y <= to_real (ratios_bound r terms k).
Proof. exact (Remainder.ratios_bound_correct r terms k amax e x y). Qed.

(** E8M0 scales, each by a rule from the largest magnitude that is left of the block. *)
Theorem remainder_by_own_amax (terms : list (format * rule)) (a : QArith_base.Q) (block left : list R) :
  valid_rules terms = true -> 0 < to_real a -> Forall (fun x => Rabs x <= to_real a) block ->
  leaves_own terms block left -> Forall (fun y => Rabs y <= to_real (own_bound terms a)) left.
Proof. exact (Remainder.own_bound_correct terms a block left). Qed.

(** * mixed-decomposition *)

From Msdnum.mixed_decomposition Require theorem.

(** Any float elements, one per pass; 2^k covers the block, 2^u is the largest underflow term. *)
Theorem mixed_float_passes (fs : list element) (u k : Z) (x : R) :
  Forall well_formed fs -> (u <= -127)%Z -> Forall (fun f => emin f - 128 <= u)%Z fs ->
  Rabs x <= pow2 (Z.max k u) ->
  unsaturated fs k x /\ Rabs (remainder fs k x) <= pow2 (Z.max (k - gained fs) u).
Proof. intros W L U; exact (mixed_decomposition.theorem.float_passes fs u k x W (conj L U)). Qed.

(** Integer elements with digits up to q: each pass divides what is left by 2 q. *)
Theorem mixed_integer_passes (qs : list Z) (M x : R) :
  Forall (fun q => 0 < q)%Z qs -> 0 < M -> Rabs x <= M ->
  digits_within qs M x /\ Rabs (integer_remainder qs M x) <= M / levels qs.
Proof. exact (mixed_decomposition.theorem.integer_passes qs M x). Qed.

(** * mxfp4-decomposition *)

From Msdnum.mxfp4_decomposition Require theorem.

(** n passes leave alpha/8^n of alpha = 2^k, or 2^-129 where the scale underflows. *)
Theorem mxfp4_n_passes (n : nat) (k : Z) (x : R) :
  Rabs x <= pow2 k ->
  unsaturated (repeat e2m1 n) k x /\
  Rabs (remainder (repeat e2m1 n) k x) <= Rmax (pow2 k / 8 ^ n) (pow2 (-129)).
Proof. exact (mxfp4_decomposition.theorem.n_passes n k x). Qed.

(** What is carried from pass to pass is a binary32 number. *)
Theorem mxfp4_remainder_exact (n : nat) (k : Z) (x : R) :
  Rabs x <= pow2 k -> is_binary32 x -> is_binary32 (remainder (repeat e2m1 n) k x).
Proof. exact (mxfp4_decomposition.theorem.remainder_exact n k x). Qed.

(** * mxfp8-decomposition *)

From Msdnum.mxfp8_decomposition Require theorem.

(** n passes of E4M3, or of E5M2. *)
Theorem mxfp8_n_passes (n : nat) (k : Z) (x : R) :
  Rabs x <= pow2 k ->
  (unsaturated (repeat e4m3 n) k x /\
   Rabs (remainder (repeat e4m3 n) k x) <= Rmax (pow2 k / 32 ^ n) (pow2 (-137))) /\
  (unsaturated (repeat e5m2 n) k x /\
   Rabs (remainder (repeat e5m2 n) k x) <= Rmax (pow2 k / 16 ^ n) (pow2 (-144))).
Proof.
  intros H; split; [exact (mxfp8_decomposition.theorem.e4m3_n_passes n k x H)|].
  exact (mxfp8_decomposition.theorem.e5m2_n_passes n k x H).
Qed.

(** * mxfp4-scale-rules *)

From Msdnum.mxfp4_scale_rules Require theorem.
Notation term4 s x := (s * saturate 6 (E2M1 (x / s))).
Notation left4 s x := (x - term4 s x).
Notation cast4 t := (saturate 6 (E2M1 t)).
Notation left_by_two t := (t - cast4 t - cast4 (8 * (t - cast4 t)) / 8).

(** s2 = s1/8 and amax = A: what each rule says of the first scale s, and what two terms leave. *)
Theorem scale_rules (s A x : R) (e := Rabs (s * left_by_two (x / s))) :
  0 < s -> Rabs x <= A ->
  (4 <= A / s <= 8 -> e <= 5 / 32 * A) /\       (* floor *)
  (7 / 2 <= A / s <= 7 -> e <= 1 / 20 * A) /\   (* even *)
  (3 <= A / s <= 6 -> e <= 1 / 20 * A) /\       (* rceil *)
  (2 <= A / s <= 4 -> e <= 1 / 37 * A).         (* ceil *)
Proof.
  intros Hs Hx; repeat split; intros HA.
  - exact (mxfp4_scale_rules.theorem.floor_rule s A x Hs HA Hx).
  - exact (mxfp4_scale_rules.theorem.even_rule s A x Hs HA Hx).
  - exact (mxfp4_scale_rules.theorem.rceil_rule s A x Hs HA Hx).
  - exact (mxfp4_scale_rules.theorem.covering_rule s A x Hs HA Hx).
Qed.

(** s2 by the remainders' own amax, that of y: s2 is a power of two times s1. *)
Theorem scale_rules_own_amax (k : Z) (s1 s2 A x y : R) (A' := Rabs (left4 s1 y))
    (e := Rabs (left4 s2 (left4 s1 x))) :
  0 < s1 -> s2 = pow2 k * s1 -> Rabs x <= A -> Rabs y <= A -> Rabs (left4 s1 x) <= A' ->
  (4 * s1 <= A < 8 * s1 -> A' = 0 \/ 4 * s2 <= A' <= 8 * s2 -> e <= 1 / 16 * A) /\
  (3 * s1 <= A <= 7 * s1 -> A' = 0 \/ 3 * s2 <= A' <= 7 * s2 -> e <= 1 / 37 * A) /\
  (2 * s1 < A <= 4 * s1 -> A' = 0 \/ 2 * s2 < A' <= 4 * s2 -> e <= 1 / 37 * A).
Proof.
  intros Hs Hk Hx Hy W; repeat split.
  - exact (mxfp4_scale_rules.theorem.floor_own k s1 s2 A x y Hs Hk Hy W).
  - exact (mxfp4_scale_rules.theorem.even_rceil_own k s1 s2 A x y Hs Hk Hy W).
  - exact (mxfp4_scale_rules.theorem.covering_own k s1 s2 A x y Hs Hk Hx Hy W).
Qed.

(** No two E2M1 numbers times powers of two come closer to 37 than 1. *)
Theorem scale_rules_optimal (m n e f : Z) :
  (Z.abs m <= 3 /\ Z.abs m <> 2)%Z -> (Z.abs n <= 3 /\ Z.abs n <> 2)%Z ->
  1 <= Rabs (37 - (IZR m * pow2 e + IZR n * pow2 f)).
Proof.
  intros M N; apply mxfp4_scale_rules.theorem.optimal; [exists m, e | exists n, f]; now split.
Qed.

(** * joint-rounding *)

From Msdnum.joint_rounding Require theorem.
Notation halves := [0; 1; 2; 3; 4; 6; 8; 12; -1; -2; -3; -4; -6; -8; -12]%Z. (* E2M1, in halves *)
Notation reaches r bound error :=
  (forall x, Rabs x <= bound -> exists m n : Z, In m halves /\ In n halves /\
   Rabs (x - (IZR m / 2 + IZR n / (2 * r))) <= error).

(** Two E2M1 terms with ratio 8, their digits chosen together: 1/16 up to 73/16, not only up to 4. *)
Theorem joint_ratio_8 : reaches 8 (73 / 16) (1 / 16).
Proof. exact joint_rounding.theorem.ratio_8. Qed.

Theorem joint_ratio_8_best (bound error : R) : 0 <= bound -> reaches 8 bound error -> bound <= 73 * error.
Proof. exact (joint_rounding.theorem.ratio_8_best bound error). Qed.

(** With ratio 13. *)
Theorem joint_ratio_13 : reaches 13 (113 / 52) (1 / 52).
Proof. exact joint_rounding.theorem.ratio_13. Qed.

Theorem joint_ratio_13_best (bound error : R) : 0 <= bound -> reaches 13 bound error -> bound <= 113 * error.
Proof. exact (joint_rounding.theorem.ratio_13_best bound error). Qed.

(** * nvfp4-decomposition *)

From Msdnum.nvfp4_decomposition Require theorem.
Notation e2m1_of t := (saturate 6 (E2M1 t)).
Notation block_scale q := (saturate 448 (E4M3 q)). (* q is amax/6, over the tensor's scale *)
Notation is_amax x m := ((forall i, Rabs (x i) <= m) /\ exists i, Rabs (x i) = m).

(** A tensor with scale T, a block with amax A, and an x of it: q, s and t are A/6/T, the scale of
    the block and x/s, each rounded somehow, off by eps at most. A scale of 0 leaves x. *)
Theorem nvfp4_one_pass (eps T A x r q s t : R) :
  0 <= eps <= 1 / 64 -> 0 < T -> Rabs x <= A ->
  Rabs (6 * T * q - A) <= eps * A -> Rabs (s - block_scale q * T) <= eps * (block_scale q * T) ->
  block_scale q = 0 /\ r = x \/ Rabs (s * t - x) <= eps * A /\ r = x - s * e2m1_of t ->
  Rabs r <= Rmax ((1 + 8 * eps) * Rmax (3 / 17 * A) (T / 64))
                 ((1 + 2 * eps) * A - (1 - eps) * (2688 * T)).
Proof.
  intros E HT HX Q S C; apply (nvfp4_decomposition.theorem.one_pass eps T A x r E HT HX).
  exact (ex_intro _ q (ex_intro _ s (ex_intro _ t (conj Q (conj S C))))).
Qed.

(** While the scale of the block is normal, in exact arithmetic: 8/45 of its amax. *)
Theorem nvfp4_normal_scale (T A x : R) (q := A / (6 * T)) (s := block_scale q * T) :
  0 < T -> Rabs x <= A <= 2688 * T -> 1 / 64 <= block_scale q ->
  Rabs (x - s * e2m1_of (x / s)) <= 8 / 45 * A.
Proof. exact (nvfp4_decomposition.theorem.normal_scale T A x). Qed.

(** That is attained, at the smallest normal scale; at others 3/17 as nearly as one likes. *)
Theorem nvfp4_attained (T : R) (A := 45 / 512 * T) (x := 5 / 64 * T) (q := A / (6 * T))
    (s := block_scale q * T) :
  0 < T -> block_scale q = 1 / 64 /\ x - s * e2m1_of (x / s) = 8 / 45 * A.
Proof.
  intros HT; destruct (nvfp4_decomposition.theorem.attained T HT) as [S [E M]].
  exact (conj S (eq_trans E M)).
Qed.

Theorem nvfp4_approached (T d : R) (A := 6 * (17 / 16 + d) * T) (x := 45 / 8 * T)
    (q := A / (6 * T)) (s := block_scale q * T) :
  0 < T -> 0 < d < 1 / 8 -> 3 / 17 * A - (x - s * e2m1_of (x / s)) = 18 / 17 * d * T.
Proof. exact (nvfp4_decomposition.theorem.approached T d). Qed.

(** n + 1 passes over a tensor x, by block and place, with scales of their own. *)
Theorem nvfp4_n_passes (eps : R) (n : nat) (x y : nat -> nat -> R) (A : nat -> R) (X : R) :
  0 <= eps <= 1 / 64 -> (forall b, is_amax (x b) (A b)) -> is_amax A X ->
  nvfp4_decomposition.theorem.leaves eps (S n) x y ->
  forall b i, Rabs (y b i) <=
    (1 + 10 * eps) ^ S n * (3 / 17) ^ n * Rmax (3 / 17 * A b) (X / 172032).
Proof. exact (nvfp4_decomposition.theorem.n_passes eps n x y A X). Qed.

(** 8/255 for two passes, then, while the first scale is normal. *)
Theorem nvfp4_normal_in_tensor (A X : R) :
  0 < X -> 0 <= A -> 1 / 64 <= block_scale (A / (6 * (X / 2688))) ->
  Rmax (3 / 17 * A) (X / 172032) <= 8 / 45 * A.
Proof. exact (nvfp4_decomposition.theorem.normal_in_tensor A X). Qed.

(** * int8-decomposition *)

From Msdnum.int8_decomposition Require theorem.

(** n passes of INT8 in exact arithmetic, M = amax. *)
Theorem int8_n_passes (n : nat) (M x : R) :
  0 < M -> Rabs x <= M ->
  digits_within (repeat 127%Z n) M x /\
  Rabs (integer_remainder (repeat 127%Z n) M x) <= M / 254 ^ n.
Proof. exact (int8_decomposition.theorem.n_passes n M x). Qed.

(** Two passes as the paper writes them; [integer] rounds to the nearest integer. *)
Theorem int8_two_passes (M x : R) (q1 := integer (x / (M / 127)))
    (q2 := integer ((x - M / 127 * q1) / (M / 32258))) :
  0 < M -> Rabs x <= M ->
  Rabs q1 <= 127 /\ Rabs q2 <= 127 /\ Rabs (x - (M / 127 * q1 + M / 32258 * q2)) <= M / 64516.
Proof. exact (int8_decomposition.theorem.two_passes M x). Qed.

(** * int8-decomposition-float32 *)

From Msdnum.int8_decomposition_float32 Require theorem.

(** Every operation in binary32, ties as [choice] says; M/(127 254^n) is normal with a little room. *)
Theorem int8_float32_one_pass (choice : Z -> bool) (M x : R)
    (s := binary32 (M / 127)) (q := IZR (Znearest choice (binary32 (x / s)))) :
  Rabs x <= M -> 0 < M -> pow2 (-126) * (1 + / 16777216) ^ 1 <= M / (127 * 254 ^ 0) ->
  Rabs (x - s * q) <= M * (1 + / 16777216) * ((1 + / 131072) / 254).
Proof. exact (int8_decomposition_float32.theorem.one_pass choice M x). Qed.

Theorem int8_float32_two_passes (choice : Z -> bool) (M x : R)
    (s1 := binary32 (M / 127)) (q1 := IZR (Znearest choice (binary32 (x / s1))))
    (r := binary32 (x - binary32 (s1 * q1)))
    (s2 := binary32 (s1 / 254)) (q2 := IZR (Znearest choice (binary32 (r / s2)))) :
  is_binary32 x -> Rabs x <= M -> 0 < M ->
  pow2 (-126) * (1 + / 16777216) ^ 2 <= M / (127 * 254 ^ 1) ->
  Rabs (x - (s1 * q1 + s2 * q2)) <=
    M * (1 + / 16777216) ^ 2 * ((1 + / 131072) / 64516 + / 16777216).
Proof. exact (int8_decomposition_float32.theorem.two_passes choice M x). Qed.

(** * digit-splits *)

From Msdnum.digit_splits Require theorem.
Import digit_splits.theorem(splits, splits_last, splits_more, split_value, split_error, weighted).

(** Digits of y, each within c of what it rounds; operations have relative errors of at most u. *)
Theorem digit_steps (rho u c y a z y' : R) (l : list R) :
  (Rabs (a - y) <= c -> splits rho u c y [a]) /\
  (Rabs (a - y) <= c -> Rabs (z - (y - a)) <= u * Rabs (y - a) ->
   Rabs (y' - z * rho) <= u * Rabs (z * rho) -> splits rho u c y' l -> splits rho u c y (a :: l)).
Proof. split; [apply splits_last | apply splits_more]. Qed.

(** One digit leaves c of y, each one before it c (2 u + u^2) besides; rho divides what is left. *)
Theorem digit_split_error (rho u c : R) (n : nat) :
  split_error rho u c 1 = c /\
  split_error rho u c (S (S n)) = c * (2 * u + u ^ 2) + split_error rho u c (S n) / rho.
Proof. split; reflexivity. Qed.

(** x over M, off by nu, times F, split: what weights, off by e in all, make of the digits. *)
Theorem digit_splits (rho u c nu e F M x t y : R) (l weights : list R) (X := x / M) :
  0 < rho -> 0 <= u -> 0 < F -> 0 < M -> Rabs x <= M -> 0 <= nu ->
  Rabs (t - X) <= nu * Rabs X -> Rabs (y - t * F) <= u * Rabs (t * F) ->
  splits rho u c y l ->
  Rabs (weighted weights l - split_value rho l / F) <= e ->
  Rabs (x - M * weighted weights l) <=
    M * (split_error rho u c (length l) / F + (nu + u + nu * u) + e).
Proof. exact (digit_splits.theorem.kernel_split rho u c nu e F M x t y l weights). Qed.

(** A kernel that subtracts from t itself: p is the first digit over F, off by w; G is the second's. *)
Theorem digit_direct_split (u c nu w F G M x t a p z y b : R) (X := x / M) :
  0 <= u -> 0 < G -> 0 < M -> Rabs x <= M -> 0 <= nu ->
  Rabs (t - X) <= nu * Rabs X -> Rabs (p - a / F) <= w ->
  Rabs (z - (t - p)) <= u * Rabs (t - p) -> Rabs (y - z * G) <= u * Rabs (z * G) ->
  Rabs (b - y) <= c ->
  Rabs (x - M * (a / F + b / G)) <= M * (c / G + (2 * u + u ^ 2) * Rabs (t - p) + nu + w).
Proof. exact (digit_splits.theorem.direct_split u c nu w F G M x t a p z y b). Qed.

(** The same from the errors of its operations: the digit is of t times F, and p is off by e. *)
Theorem digit_direct_split_error (u c nu e F G M x t v a p z y b : R) (X := x / M)
    (d := 1 / (2 * F) + u * (1 + nu)) (o := e * (1 + nu + d)) :
  0 <= u -> 0 < F -> 0 < G -> 0 < M -> Rabs x <= M -> 0 <= nu -> 0 <= e ->
  Rabs (t - X) <= nu * Rabs X -> Rabs (v - t * F) <= u * Rabs (t * F) -> Rabs (a - v) <= 1 / 2 ->
  Rabs (p - a / F) <= e * Rabs (a / F) -> Rabs (z - (t - p)) <= u * Rabs (t - p) ->
  Rabs (y - z * G) <= u * Rabs (z * G) -> Rabs (b - y) <= c ->
  Rabs (x - M * (a / F + b / G)) <= M * (c / G + (2 * u + u ^ 2) * (d + o) + nu + o).
Proof. exact (digit_splits.theorem.direct_split_error u c nu e F G M x t v a p z y b). Qed.

(** * int32-overflow *)

From Msdnum.int32_overflow Require theorem.
Notation integer_dot := int32_overflow.theorem.dot.

(** K products of magnitude at most q w each: no sum of them overflows, up to a threshold. *)
Theorem int32_no_overflow (q w : Z) (a b : list Z) :
  (0 < q)%Z -> (0 < w)%Z ->
  Forall (fun x => - q <= x <= q)%Z a -> Forall (fun y => - w <= y <= w)%Z b ->
  (Z.of_nat (length a) <= (2 ^ 31 - 1) / (q * w))%Z ->
  (- 2 ^ 31 <= integer_dot a b <= 2 ^ 31 - 1)%Z.
Proof. exact (int32_overflow.theorem.no_overflow q w a b). Qed.

(** With one product more one does. *)
Theorem int32_overflow (q w : Z) (K : nat) :
  (0 < q)%Z -> (0 < w)%Z -> ((2 ^ 31 - 1) / (q * w) < Z.of_nat K)%Z ->
  ~ (- 2 ^ 31 <= integer_dot (repeat q K) (repeat w K) <= 2 ^ 31 - 1)%Z.
Proof. exact (int32_overflow.theorem.overflow q w K). Qed.

(** * gemm *)

From Msdnum.gemm Require theorem.
Notation gamma n u := (INR n * u / (1 - INR n * u)).
Notation u32 := (pow2 (-24)).
Notation representable := gemm.theorem.representable. (* inputs of sums are binary32 numbers *)
Notation underflows := gemm.theorem.underflows. (* products that may underflow, by their scales *)
Notation steps := gemm.theorem.steps. (* of a truncating matrix unit *)

(** Operands a' and b' for a and b, and any tree t of binary32 operations that sums their products. *)
Theorem gemm_forward_error (da a a' db b b' : list R) (t : schedule R) (d := depth t) :
  close da a a' -> close db b b' -> value t = dot a' b' ->
  representable is_binary32 t -> INR d * u32 < 1 ->
  Rabs (computed binary32 t - dot a b) <=
    dot da (magnitudes b) + dot (magnitudes a') db
    + gamma d u32 * magnitude t + pow2 (-149) / 2 * underflows t * (1 + gamma d u32).
Proof. exact (gemm.theorem.forward_error da a a' db b b' t). Qed.

(** A unit that aligns its addends to f bits and truncates the sum to r: c computed, v exact. *)
Theorem gemm_matrix_unit_error (group : nat) (f r : Z) (d : nat) (c v m : R)
    (u := (INR group + 1) * pow2 (- f) + pow2 (- r)) :
  (0 < r)%Z -> steps group f r d c v m -> INR d * u < 1 -> Rabs (c - v) <= gamma d u * m.
Proof. intros Hr; exact (gemm.theorem.matrix_unit_error group f r Hr d c v m). Qed.

(** A whole entry, as a tree of inputs, sums, scales and roundings, of any relative errors and any
    absolute ones: [computes W t y a], it may give y; nothing is said of results beyond W. *)
Notation terms_of := gemm.theorem.terms_of. (* x - r1, r1 - r2, and so on *)
Notation lost bounds := (last bounds 0).
Notation carried bounds := (2 * sum bounds - lost bounds).
Notation over f keys := (sum (map f keys)).

(** x decomposed, remainders within bounds; the weight w used as w', within w_error of it; the
    entry is theirs, with n roundings of u; magnitudes m and absolute errors h, scaled by s, are finite. *)
Theorem gemm_decomposed_dot (keys : list nat) (x w w' : nat -> R) (remainders bounds : nat -> list R)
    (w_error least w_least : nat -> R) (W u : R) (n : nat) (s m h : R) (t : tree) (y a : R)
    (g := gamma n u) :
  (forall k, In k keys -> remainders k <> []) ->
  (forall k, In k keys -> Forall2 (fun r b => Rabs r <= b) (remainders k) (bounds k)) ->
  (forall k, In k keys -> Rabs (w' k - w k) <= w_error k) ->
  (forall k, In k keys -> 0 <= least k /\ 0 <= w_least k) ->
  exact_value t = over (fun k => sum (terms_of (x k) (remainders k)) * w' k) keys ->
  counted t <= over (fun k => (sum (magnitudes (terms_of (x k) (remainders k))) + least k)
                              * (Rabs (w' k) + w_least k)) keys ->
  proper t -> 0 <= u -> growth t <= (1 + u) ^ n -> INR n * u < 1 ->
  largest_scale t <= s -> unscaled t <= m -> absolute t <= h -> (1 + g) * (s * (m + h)) <= W ->
  computes W t y a ->
  Rabs (y - over (fun k => x k * w k) keys) <=
    over (fun k => lost (bounds k) * Rabs (w k)) keys
    + over (fun k => (Rabs (x k) + lost (bounds k)) * w_error k) keys
    + g * over (fun k => (Rabs (x k) + carried (bounds k) + least k)
                         * (Rabs (w k) + w_error k + w_least k)) keys
    + h * s * (1 + g).
Proof.
  intros N B Hw L; exact (gemm.theorem.decomposed_dot keys x w remainders bounds w' w_error least w_least
    N B Hw L W u n s m h t y a).
Qed.

(** Such trees: at most T terms of at most S segments, each a sum of growth g and absolute errors l,
    multiplied by at most C scales in binary32; results added in binary32. *)
Theorem gemm_accumulation (terms : list (list (list R * tree))) (T S C : nat) (g l : R)
    (t := gemm.theorem.entry terms) :
  (length terms <= T)%nat ->
  Forall (fun segments => (length segments <= S)%nat /\
    Forall (fun s => (length (fst s) <= C)%nat /\ proper (snd s) /\
      growth (snd s) <= g /\ absolute (snd s) <= l) segments) terms ->
  1 <= g -> 0 <= l ->
  proper t /\
  exact_value t =
    over (fun q => over (fun s => gemm.theorem.times (fst s) (exact_value (snd s))) q) terms /\
  growth t <= (1 + u32) ^ (C + (S - 1) + (T - 1)) * g /\
  absolute t <= INR T * (INR S * (l + INR C * (pow2 (-149) / 2))).
Proof.
  intros HT HS G L; destruct (gemm.theorem.accumulation terms T S C g l HT HS G L) as [P [E [_ H]]].
  exact (conj P (conj E H)).
Qed.

(** Sums by a unit, v relative and h absolute in each step of a group; inputs are pairs of a product
    and of the magnitude that it counts with. *)
Notation at_least := gemm.theorem.at_least. (* of its own magnitude *)

Theorem gemm_unit_sum (v h : R) (groups : list (list (R * R))) (n := length groups)
    (t := gemm.theorem.unit_sum v h groups) :
  0 <= v -> 0 <= h -> Forall at_least groups ->
  proper t /\ exact_value t = over (fun ps => over fst ps) groups /\
  counted t = over (fun ps => over snd ps) groups /\
  growth t = (1 + v) ^ n /\ absolute t = INR n * h.
Proof. exact (gemm.theorem.unit_sum_counts v h groups). Qed.

(** A step of a truncating unit is such a step, subnormal sums and overflow included. *)
Theorem gemm_unit_step (group : nat) (f r : Z) (W : R) (c : tree) (y a : R) (ps : list (R * R))
    (e : Z) (z : R) (v := (INR group + 1) * pow2 (- f) + pow2 (- r))
    (sum_of := sum (map (truncated (pow2 (e - f))) (y :: map fst ps)))
    (rounded := result r sum_of) :
  (0 < r)%Z -> proper c -> computes W c y a -> at_least ps -> (length ps <= group)%nat ->
  pow2 e <= Rmax (pow2 (-126)) (a + over snd ps) -> (Rabs rounded <= W -> z = rounded) ->
  computes W (gemm.theorem.unit_step v (v * pow2 (-126)) c ps) z (Rabs z).
Proof. exact (gemm.theorem.matrix_unit_step group f r W c y a ps e z). Qed.

(** The executable twin of the whole unit, with the powers it aligns to, is the tree of its steps:
    zeros have the exponent [zero], factors count as if they had their least normal power besides. *)
Theorem gemm_unit_run (group : nat) (zero f r : Z) (W : R)
    (groups : list (list (Executable.operand * Executable.operand)))
    (c := F2R (Executable.run_unit zero f r groups))
    (v := (INR group + 1) * pow2 (- f) + pow2 (- r)) :
  (0 < r)%Z -> (zero <= -126)%Z -> Forall (fun ps => (length ps <= group)%nat) groups ->
  computes W (gemm.theorem.unit_sum v (v * pow2 (-126)) (map (map Executable.counts) groups)) c (Rabs c).
Proof. exact (gemm.theorem.unit_run group zero f r W groups). Qed.

(** Sums in a narrow format that cannot overflow there, scaled in a wide one: any limit will do. *)
Theorem gemm_within_any_limit (W W' : R) (t : tree) (y a : R) :
  proper t -> growth t * (largest_scale t * (unscaled t + absolute t)) <= W ->
  computes W t y a -> computes W' t y a.
Proof. exact (within_any_limit W W' t y a). Qed.

(** A step of CDNA3: parts of products and the exponent each is aligned to, summed and rounded down
    at joint, at top with the accumulator y, and at s bits; y' is y, or 0 where y is at most a unit. *)
Theorem gemm_cdna3_step (group n : nat) (f s : Z) (W : R) (c : tree) (y y' a : R)
    (parts : list (Z * list (R * R))) (joint top : Z) (z : R)
    (ps := gemm.theorem.products_of parts) (down := gemm.theorem.lowered)
    (part := fun p => down (pow2 (joint - f)) (sum (map (truncated (pow2 (fst p - f))) (map fst (snd p)))))
    (total := down (pow2 (top - s - 1)) (sum (map part parts)) + down (pow2 (top - f)) y')
    (rounded := binary32 (gemm.theorem.lowered_result s total))
    (v := (1 + ((INR group + INR n + 1) * pow2 (- f) + pow2 (- s) / 2)) * (1 + pow2 (- s)) * (1 + u32) - 1) :
  (0 < s)%Z -> proper c -> computes W c y a -> at_least ps -> (length ps <= group)%nat ->
  (length parts <= n)%nat -> Forall (fun p => (fst p <= joint)%Z) parts -> (joint <= top)%Z ->
  pow2 top <= Rmax (pow2 (-126)) (a + over snd ps) ->
  y' = y \/ y' = 0 /\ Rabs y <= pow2 (top - f) -> (Rabs rounded <= W -> z = rounded) ->
  computes W (gemm.theorem.unit_step v (v * pow2 (-126) + pow2 (-149) / 2) c ps) z (Rabs z).
Proof. exact (gemm.theorem.cdna3_step group n f s W c y y' a parts joint top z). Qed.

(** A unit that adds groups pairwise and then to c, in binary32, and flushes each result: roundings
    of u32 and 2^-126, and what they count. *)
Notation flushed := gemm.theorem.flushed. (* 0 for what is below 2^-126 *)

Theorem gemm_flushed_sum (W : R) (t : tree) (y a z : R) :
  proper t -> computes W t y a -> (Rabs (flushed (binary32 y)) <= W -> z = flushed (binary32 y)) ->
  computes W (Rounded u32 (pow2 (-126)) t) z (Rabs z).
Proof. exact (gemm.theorem.rounds_flushed W t y a z). Qed.

Theorem gemm_flushing_unit (levels : nat) (groups : list (list (R * R)))
    (t := gemm.theorem.flushing_sum levels groups) :
  Forall at_least groups -> Forall (fun ps => 0 < length ps <= 2 ^ levels)%nat groups ->
  proper t /\ exact_value t = over (fun ps => over fst ps) groups /\
  counted t = over (fun ps => over snd ps) groups /\
  growth t <= (1 + u32) ^ (length groups + levels) /\
  absolute t <= INR (2 * length (concat groups)) * pow2 (-126).
Proof. exact (gemm.theorem.flushing_sum_counts levels groups). Qed.

(** Inputs that count as zero: terms of at most f k, at most T of each x, and weights of at most f' k. *)
Notation dropped f x y := ((y : R) = x \/ y = 0 /\ Rabs x <= f).

Theorem gemm_flushed_dot (keys : list nat) (x w w' : nat -> R) (remainders bounds : nat -> list R)
    (w_error least w_least : nat -> R) (b : nat -> list R) (w'' : nat -> R) (f f' : nat -> R) (T : nat)
    (W u : R) (n : nat) (s m h : R) (t : tree) (y a : R) (g := gamma n u)
    (whole := fun k => Rabs (x k) + carried (bounds k)) (weight := fun k => Rabs (w k) + w_error k) :
  (forall k, In k keys -> remainders k <> []) ->
  (forall k, In k keys -> Forall2 (fun r b => Rabs r <= b) (remainders k) (bounds k)) ->
  (forall k, In k keys -> Rabs (w' k - w k) <= w_error k) ->
  (forall k, In k keys -> 0 <= least k /\ 0 <= w_least k) ->
  (forall k, In k keys -> Forall2 (fun x y => dropped (f k) x y) (terms_of (x k) (remainders k)) (b k)) ->
  (forall k, In k keys -> dropped (f' k) (w' k) (w'' k)) ->
  (forall k, In k keys -> length (remainders k) <= T)%nat ->
  (forall k, In k keys -> 0 <= f k /\ 0 <= f' k) ->
  exact_value t = over (fun k => sum (b k) * w'' k) keys ->
  counted t <= over (fun k => (sum (magnitudes (b k)) + least k) * (Rabs (w'' k) + w_least k)) keys ->
  proper t -> 0 <= u -> growth t <= (1 + u) ^ n -> INR n * u < 1 ->
  largest_scale t <= s -> unscaled t <= m -> absolute t <= h -> (1 + g) * (s * (m + h)) <= W ->
  computes W t y a ->
  Rabs (y - over (fun k => x k * w k) keys) <=
    over (fun k => lost (bounds k) * Rabs (w k)) keys
    + over (fun k => (Rabs (x k) + lost (bounds k)) * w_error k) keys
    + g * over (fun k => (whole k + least k) * (weight k + w_least k)) keys
    + h * s * (1 + g)
    + over (fun k => Rmin (whole k) (INR T * f k) * weight k + whole k * Rmin (weight k) (f' k)) keys.
Proof.
  intros N B E L D D'; exact (gemm.theorem.flushed_dot keys x w remainders bounds w' w_error least w_least
    N B E L b w'' f f' T W u n s m h t y a D D').
Qed.

(** Roundings of v, counted as roundings of u. *)
Theorem gemm_combined (u v : R) (r n : nat) :
  0 <= v -> 0 <= u -> INR r * v <= INR n * (u - u ^ 2 / 2) -> (1 + v) ^ r <= (1 + u) ^ n.
Proof. exact (gemm.theorem.combined u v r n). Qed.

(** The terms of a decomposition, of remainders rs ++ [r], added by magnitude. *)
Theorem gemm_terms_magnitude (x : R) (rs : list R) (r : R) :
  sum (magnitudes (gemm.theorem.terms_of x (rs ++ [r]))) <=
    Rabs x + 2 * sum (magnitudes rs) + Rabs r.
Proof. exact (gemm.theorem.terms_magnitude x rs r). Qed.

(** * running-error *)

From Msdnum.running_error Require theorem.
Import running_error.theorem(tracks, tracks_input, tracks_plus, tracks_times, tracks_rounded).

(** y is computed, x exact, and e is kept beside y, rounded upward: what may be done to them. *)
Theorem running_steps (y x e y' x' e' c v h z s : R) :
  (Rabs (y - x) <= e -> tracks y x e) /\
  (tracks y x e -> tracks y' x' e' -> e + e' <= s -> tracks (y + y') (x + x') s) /\
  (tracks y x e -> Rabs c * e <= s -> tracks (c * y) (c * x) s) /\
  (tracks y x e -> Rabs (z - y) <= v * Rabs z + h -> e + (v * Rabs z + h) <= s -> tracks z x s).
Proof.
  repeat split;
    [apply tracks_input | apply tracks_plus | apply tracks_times | apply tracks_rounded].
Qed.

(** Then e is a bound: whatever the order, and whatever the sizes of what is not computed. *)
Theorem running_error (y x e : R) : tracks y x e -> Rabs (y - x) <= e.
Proof. exact (running_error.theorem.tracked y x e). Qed.

(** Of an operand that is decomposed, what is left is known as well: da, entry by entry. *)
Theorem running_product (a a' da b : list R) (y e : R) :
  close da a a' -> tracks y (dot a' b) e -> Rabs (y - dot a b) <= e + dot da (magnitudes b).
Proof. exact (running_error.theorem.tracked_product a a' da b y e). Qed.

(** In binary32, to nearest: a share of the result itself; for sums of its numbers, nothing else. *)
Theorem running_binary32 (x : R) :
  Rabs (binary32 x - x) <= pow2 (-24) * Rabs (binary32 x) + pow2 (-149) / 2.
Proof. exact (running_error.theorem.nearest_tracks x). Qed.

Theorem running_binary32_sum (x y : R) :
  is_binary32 x -> is_binary32 y ->
  Rabs (binary32 (x + y) - (x + y)) <= pow2 (-24) * Rabs (binary32 (x + y)).
Proof. exact (running_error.theorem.nearest_sum_tracks x y). Qed.

(** * gemm-probabilistic *)

From Msdnum Require Probability.
From Msdnum.gemm_probabilistic Require theorem.
Import Probability(
  space, outcome, random, probability, mean_independent, remainders, drawn, two_norm, within).
Import gemm_probabilistic.theorem(draw, inputs, rounded, precise, error, addends, growth).

(** Remainders within delta and roundings within u, each of mean zero given the earlier ones. *)
Theorem gemm_probabilistic (s : space) (rnd : R -> R) (u lambda : R) (delta : list R)
    (a a' : list (outcome s -> R)) (b : list R) (t : schedule (outcome s -> R))
    (order : list (outcome s -> R)) (N := INR (addends s t)) :
  0 <= u < 1 -> 0 <= lambda ->
  length a = length a' -> Forall (random s) a -> Forall (random s) a' ->
  within s delta (remainders s a a') ->
  mean_independent s (remainders s a a') ->
  (forall w, value (draw s w t) = dot (drawn s w a') b) -> Forall (random s) (inputs s t) ->
  Forall (precise s rnd u) (rounded s rnd t) -> Forall (random s) order ->
  Permutation order (map (error s rnd) (rounded s rnd t)) -> mean_independent s order ->
  1 - 2 * (N + 1) * exp (- (lambda ^ 2 / 2)) <=
    probability s
      (fun w => Rabs (computed rnd (draw s w t) - dot (drawn s w a) b))
      (fun w => lambda * two_norm b delta + growth lambda (depth t) u * magnitude (draw s w t)).
Proof.
  intros Hu; exact (gemm_probabilistic.theorem.inner_product s rnd u Hu lambda delta a a' b t order).
Qed.

(** * gemm-martingale *)

From Msdnum Require Probability.
From Msdnum.gemm_martingale Require theorem.
Import Probability(space, outcome, random, probability, mean_independent, remainders, drawn, two_norm, within).
Import gemm_martingale.theorem(
  noisy, outcome_of, exactly, sound, at_most, gross, roundings, errors, left_over, part_error,
  plan, chosen, exact_sum, size, levels, neighbours, choices, next_chance, next_chance_range, number_of).

(** A tree t of exact operations and roundings, u each at the most. Its errors and the remainders
    of the data, together and in some order, have mean zero given those before: no union. *)
Theorem gemm_martingale (s : space) (u lambda : R) (b delta : list R) (a a' : list (outcome s -> R))
    (t : noisy s) (order : list (gemm_martingale.theorem.part s)) (d := roundings s t) :
  0 <= lambda -> 0 <= u ->
  length a = length a' -> Forall (random s) a -> Forall (random s) a' ->
  within s delta (remainders s a a') ->
  (forall w, exactly s t w = dot (drawn s w a') b) -> sound s t -> at_most s u t ->
  Permutation order (left_over s b (remainders s a a') delta ++ errors s t) ->
  mean_independent s (map (part_error s) order) ->
  1 - 2 * exp (- (lambda ^ 2 / 2)) <=
    probability s (fun w => Rabs (outcome_of s t w - dot (drawn s w a) b))
      (fun _ => lambda * sqrt (two_norm b delta ^ 2 + INR d * (u * ((1 + u) ^ d * gross s t)) ^ 2)).
Proof. exact (gemm_martingale.theorem.inner_product s lambda u b a a' delta t order). Qed.

(** Stochastic rounding: outcomes are choices, up with the probability that makes the mean right.
    Whatever numbers a tree adds up and scales, and in whatever order: no model is assumed. *)
Theorem gemm_martingale_stochastic (u lambda : R) (t : plan) (d := levels t) (N : neighbours u t)
    (chance := next_chance t 0) (range := fun past => next_chance_range u t 0 past N) :
  0 <= u -> 0 <= lambda ->
  1 - 2 * exp (- (lambda ^ 2 / 2)) <=
    probability (choices chance range (number_of t)) (fun w => Rabs (chosen t 0 w - exact_sum t))
      (fun _ => lambda * (sqrt (INR d) * (u * ((1 + u) ^ d * size t)))).
Proof. exact (gemm_martingale.theorem.stochastic u lambda t N). Qed.

(** Its neighbours at precision p: u is 2^(1 - p). *)
Theorem gemm_martingale_neighbours (p : Z) (y : R)
    (down := round radix2 (FLX_exp p) Zfloor y) (up := round radix2 (FLX_exp p) Zceil y) :
  (0 < p)%Z ->
  down <= y <= up /\ y - down <= pow2 (1 - p) * Rabs y /\ up - y <= pow2 (1 - p) * Rabs y.
Proof. exact (gemm_martingale.theorem.down_and_up p y). Qed.

(** * attention *)

From Msdnum.attention Require theorem.
Notation total := attention.theorem.total. (* the sum of a function over a list *)
Notation softmax score keys k := (exp (score k) / total (fun k => exp (score k)) keys).
Notation exact_score := (@fst R R).
Notation moved_score := (@snd R R).
Notation mean_of score v keys := (total (fun k => softmax score keys k * v k) keys).

(** Scores moved by at most eps move all weights together by at most 2 tanh(eps/2). *)
Theorem attention_weights (eps : R) (keys : list (R * R)) :
  keys <> [] -> (forall k, In k keys -> Rabs (moved_score k - exact_score k) <= eps) -> 0 <= eps ->
  total (fun k => Rabs (softmax moved_score keys k - softmax exact_score keys k)) keys
    <= 2 * ((exp eps - 1) / (exp eps + 1)).
Proof. exact (attention.theorem.softmax_distance eps keys). Qed.

(** Each score with an error e of its own. *)
Theorem attention_output (keys : list (R * R)) (e v : R * R -> R) (o := mean_of exact_score v keys) :
  keys <> [] -> (forall k, In k keys -> Rabs (moved_score k - exact_score k) <= e k) ->
  Rabs (mean_of moved_score v keys - o)
    * total (fun k => softmax exact_score keys k * exp (- e k)) keys
  <= total (fun k => softmax exact_score keys k * (exp (e k) - 1) * Rabs (v k - o)) keys.
Proof. exact (attention.theorem.output_deviation keys e v). Qed.

(** With decomposed weights p and values w besides. *)
Theorem attention_output_error (eps V : R) (keys : list (R * R)) (v w p dp dw : R * R -> R) :
  keys <> [] -> (forall k, In k keys -> Rabs (moved_score k - exact_score k) <= eps) -> 0 <= eps ->
  (forall k, In k keys -> Rabs (v k) <= V) ->
  (forall k, In k keys -> Rabs (p k - softmax moved_score keys k) <= dp k) ->
  (forall k, In k keys -> Rabs (w k - v k) <= dw k) ->
  Rabs (total (fun k => p k * w k) keys - mean_of exact_score v keys)
    <= 2 * ((exp eps - 1) / (exp eps + 1)) * V + total (fun k => dp k * Rabs (v k)) keys
       + total (fun k => Rabs (p k) * dw k) keys.
Proof. intros S C; exact (attention.theorem.output_error eps keys S C v w p dp dw V). Qed.

(** Online softmax, in exact arithmetic, is softmax; keys are pairs of a score and a value. *)
Theorem attention_online (k : R * R) (keys : list (R * R))
    (r := fold_left attention.theorem.step keys (attention.theorem.State (fst k) 1 (snd k))) :
  attention.theorem.output r / attention.theorem.mass r =
    total (fun k => exp (fst k) * snd k) (k :: keys) / total (fun k => exp (fst k)) (k :: keys).
Proof. exact (attention.theorem.online_softmax k keys). Qed.

(** ** In floating point *)

Import attention.theorem(powers, powers_none, powers_more, mean, moved).
Notation spread_over keys f := (attention.theorem.total f keys).

(** The power of a key times its decays, n powers in all: differences d of scores and maxima are
    rounded to x, within u, and the power of x is z, within eps. They add up to the way. *)
Theorem attention_powers (u eps d x z way p : R) (n : nat) :
  powers u eps 0 1 0 /\
  (powers u eps way p n -> d <= 0 -> Rabs (x - d) <= u * Rabs d ->
   Rabs (z - exp x) <= eps * exp x -> powers u eps (way + d) (p * z) (S n)).
Proof. split; [apply powers_none | apply powers_more]. Qed.

Theorem attention_shift_chain (u eps way p : R) (n : nat) :
  0 <= u -> 0 <= eps < 1 -> powers u eps way p n ->
  exists c, p = exp (way + c) /\ Rabs c <= u * Rabs way - INR n * ln (1 - eps).
Proof. exact (attention.theorem.shift_chain u eps way p n). Qed.

(** Weights t that are off by e in their logarithms: a threshold between values does no less. *)
Theorem attention_threshold {A : Type} (q t e v : A -> R) (keys : list A)
    (above := fun k => if Rle_dec (mean t v keys) (v k) then true else false) :
  keys <> [] -> (forall k, In k keys -> 0 < q k) ->
  (forall k, In k keys -> exists c, t k = q k * exp c /\ Rabs c <= e k) ->
  mean t v keys <= mean (moved q e above) v keys.
Proof. exact (attention.theorem.threshold q t e v keys). Qed.

(** The weighted sum N of a tree of roundings: q the weights but for underflow, p as computed, w as
    they are represented, v' the values that are used. *)
Theorem attention_numerator {A : Type} (keys : list A) (q p w v v' lost carried h : A -> R)
    (W : R) (t : tree) (N a g H : R) :
  (forall k, In k keys -> 0 <= q k) ->
  (forall k, In k keys -> Rabs (p k - q k) <= h k) ->
  (forall k, In k keys -> Rabs (w k - p k) <= lost k) ->
  exact_value t = spread_over keys (fun k => w k * v' k) ->
  counted t <= spread_over keys (fun k => carried k * Rabs (v' k)) ->
  proper t -> InnerProduct.growth t <= 1 + g -> underflow t <= H -> peak t <= W ->
  computes W t N a ->
  Rabs (N - spread_over keys (fun k => q k * v k)) <=
    spread_over keys (fun k => (lost k + h k + g * carried k) * Rabs (v' k))
    + spread_over keys (fun k => q k * Rabs (v' k - v k)) + (1 + g) * H.
Proof. exact (attention.theorem.numerator_error keys q p w v v' lost carried h W t N a g H). Qed.

(** The output y, of N and of the sum L of the weights: o is exact, the mean of q within D of it. *)
Theorem attention_quotient {A : Type} (keys : list A) (q v : A -> R) (o D n g u h N L y : R)
    (Z := spread_over keys q) :
  keys <> [] -> (forall k, In k keys -> 0 < q k) ->
  Rabs (mean q v keys - o) <= D ->
  Rabs (N - spread_over keys (fun k => q k * v k)) <= n * Z ->
  Rabs (L - Z) <= g * Z -> 0 <= g < 1 -> 0 <= u ->
  Rabs (y - N / L) <= u * Rabs (N / L) + h ->
  Rabs (y - o) <= D + (1 + u) / (1 - g) * (n + g * (Rabs o + D)) + u * (Rabs o + D) + h.
Proof. exact (attention.theorem.quotient_error keys q v o D n g u h N L y). Qed.

(** * rms-error *)

From Coquelicot Require RInt.
From Msdnum.rms_error Require theorem.
Notation is_integral f a b := (@RInt.is_RInt Hierarchy.R_NormedModule f a b). (* Riemann's *)
Notation mean_square fs a :=
  (is_integral (fun x => (remainder fs 0 x / x) ^ 2 / (x * ln 2)) a (2 * a)).
Notation bits mean := (- ln (sqrt mean) / ln 2).

Notation has_bits fs binade d :=
  (exists mean, mean_square fs (pow2 (- binade - 1)) mean
                /\ Rabs (bits mean - d / 1000) <= 5 / 10000).

(** One pass of E4M3, binades 0 to 13 below the covering 1. *)
Theorem rms_mxfp8_one_pass (b : Z) : (0 <= b <= 13)%Z -> has_bits [e4m3] b 5238.
Proof. exact (rms_error.theorem.mxfp8_one_pass b). Qed.

(** One, two and three passes of E2M1; of one pass, binades 2 and 3 are subnormal. *)
Theorem rms_mxfp4_one_pass (fs := [e2m1]) :
  has_bits fs 0 3272 /\ has_bits fs 1 3272 /\ has_bits fs 2 2355 /\ has_bits fs 3 922.
Proof. exact rms_error.theorem.mxfp4_one_pass. Qed.

Theorem rms_mxfp4_two_passes (fs := [e2m1; e2m1]) :
  has_bits fs 0 6598 /\ has_bits fs 1 6236 /\ has_bits fs 2 5238 /\ has_bits fs 3 4245.
Proof. exact rms_error.theorem.mxfp4_two_passes. Qed.

Theorem rms_mxfp4_three_passes (fs := [e2m1; e2m1; e2m1]) :
  has_bits fs 0 9848 /\ has_bits fs 1 9236 /\ has_bits fs 2 8236 /\ has_bits fs 3 7236.
Proof. exact rms_error.theorem.mxfp4_three_passes. Qed.

(** Uniform inputs in [0, 1]. *)
Notation uniform_square fs mean := (is_integral (fun x => remainder fs 0 x ^ 2) 0 1 mean).
Notation has_uniform_bits fs mean d :=
  (uniform_square fs mean /\ Rabs (- ln (sqrt 3 * sqrt mean) / ln 2 - d / 1000) <= 5 / 10000).

Theorem rms_uniform_inputs :
  has_uniform_bits [e2m1] (5 / 1536) 3339 /\
  has_uniform_bits [e2m1; e2m1] (7 / 196608) 6596 /\
  has_uniform_bits [e2m1; e2m1; e2m1] (11 / 25165824) 9770 /\
  has_uniform_bits [e4m3] (314146179365 / 1688849860263936) 5404.
Proof. exact rms_error.theorem.uniform_inputs. Qed.
