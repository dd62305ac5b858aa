(** What the executable twin computes, for the emulators to reproduce: `check.py` has every list
    here computed by Coq's kernel and compares it with vectors.json. A number m 2^e is a pair. *)

From Flocq Require Import Calc.Operations.
From Msdnum Require Import Executable.
Open Scope Z_scope.

Definition row := list Z.

Definition from (low : Z) (count : nat) : list Z := map (fun i => low + Z.of_nat i) (seq 0 count).
Definition up_to (low high : Z) : list Z := from low (Z.to_nat (high - low + 1)).

(** All significands of so many bits in the binades from 2^low to 2^high; the signs change. *)
Definition inputs (bits low high : Z) : list number :=
  flat_map (fun b => map
    (fun m => Float radix2 (if Z.even (m / 2 + b) then m else - m) (b - bits + 1))
    (up_to (2 ^ (bits - 1)) (2 ^ bits - 1))) (up_to low high).

Definition pair (x : number) : row := [significand x; exponent x].

(** * Element rounding, with saturation: x, and the cast of x *)

Definition casts (f : executable) : list row :=
  map (fun x => pair x ++ pair (cast f x)) (inputs (prec f + 2) (emin f - 2) (emax f + 1)).

Definition cast_e2m1 : list row := casts run_e2m1.
Definition cast_e2m3 : list row := casts run_e2m3.
Definition cast_e3m2 : list row := casts run_e3m2.
Definition cast_e4m3 : list row := casts run_e4m3.
Definition cast_e5m2 : list row := casts run_e5m2.

(** In their ranges: multiples of a quarter of the unit, the last one, ties among them. *)
Definition fixed (emin : Z) : list row :=
  map (fun i => let x := Float radix2 (7 * i) (emin - 2) in pair x ++ pair (run_fixed emin x))
    (up_to (-72) 72).

Definition cast_int8 : list row := fixed 0.
Definition cast_mxint8 : list row := fixed (-6).

(** * Decomposition of a block that 2^k covers: k, x, each digit, and what is left *)

Definition decomposed (fs : list executable) (k : Z) : list row :=
  map (fun x => let (digits, left) := run fs k x in
                k :: pair x ++ flat_map pair digits ++ pair left) (inputs 6 (k - 8) (k - 1)).

(** The scales as they are, and at the least exponent that E8M0 has. *)
Definition anywhere (fs : list executable) : list row := decomposed fs 2 ++ decomposed fs (-125).

Definition mxfp4_x2 : list row := anywhere [run_e2m1; run_e2m1].
Definition mxfp4_x3 : list row := decomposed [run_e2m1; run_e2m1; run_e2m1] 0.
Definition mxfp6_e2m3_x2 : list row := decomposed [run_e2m3; run_e2m3] 0.
Definition mxfp6_e3m2_x2 : list row := decomposed [run_e3m2; run_e3m2] 0.
Definition mxfp8_x2 : list row := anywhere [run_e4m3; run_e4m3].
Definition mxfp8_e5m2_x2 : list row := decomposed [run_e5m2; run_e5m2] 0.
Definition mxfp8_mxfp4 : list row := decomposed [run_e4m3; run_e2m1] 0.

(** * Steps of a truncating matrix unit, from c = 0 *)

(** Numbers of FP16, drawn as good as any: signs, significands, exponents from -7 to 8; one in eight
    subnormal, or zero. *)
Definition draw (seed : Z) : Z := (seed * 1103515245 + 12345) mod 2 ^ 31.
Definition factor (seed : Z) : operand :=
  let sign := if Z.testbit seed 30 then 1 else -1 in
  let m := seed / 2 ^ 8 mod 1024 in
  (if seed / 2 ^ 21 mod 8 =? 0
   then Float radix2 (sign * (if seed / 2 ^ 19 mod 4 =? 0 then 0 else m)) (-24)
   else Float radix2 (sign * (1024 + m)) (seed / 2 ^ 24 mod 16 - 17), -14).
Fixpoint factors (n : nat) (seed : Z) : list operand :=
  match n with O => [] | S n => factor seed :: factors n (draw seed) end.
Fixpoint pairs (xs : list operand) : list (operand * operand) :=
  match xs with x :: y :: xs => (x, y) :: pairs xs | _ => [] end.

(** Two steps of a group each: every factor, and c after them. *)
Definition two_steps (group : nat) (f r seed : Z) : row :=
  let first := pairs (factors (2 * group) seed) in
  let second := pairs (factors (2 * group) (draw (seed + 1))) in
  let c := run_unit (-126) f r [first; second] in
  flat_map (fun p => pair (fst (fst p)) ++ pair (fst (snd p))) (first ++ second) ++ pair c.

Definition unit_vectors (group : nat) (f r : Z) : list row :=
  map (fun i => two_steps group f r (draw (draw (draw (1000003 * i))))) (up_to 1 40).

Definition unit_4_23_23 : list row := unit_vectors 4 23 23.
Definition unit_4_13_13 : list row := unit_vectors 4 13 13.
Definition unit_8_25_23 : list row := unit_vectors 8 25 23.
