/**
 * Writes the wide cipher in WebAssembly's text form: ChaCha20 on eight blocks at once, which the runtime may turn into
 * vectors of 256 bits, and Poly1305 in two limbs of 64 bits beside it.
 *
 * The runtime pairs two vectors of 128 bits when they come from neighbouring addresses and go to such, by the same
 * operations. So state and key stream stand at constant addresses, written as one base with an offset; all loads come
 * before the first store; and rotations are two shifts. An optimiser would fold base and offset, and nothing would be
 * paired any more; in a shared memory nothing is paired either.
 * @module
 */

// As in lib/crypto/batch/assembly/layout.ts.
const POLY = 0x440;
const STATE = 0x1400;
const STREAM = 0x1600;

const DOUBLE_ROUNDS = 10;
const BLOCKS_PER_UNIT = 4;
const WORDS = Array.from({ length: 16 }, (_, i) => i);
type QuarterRound = readonly [number, number, number, number];
// RFC 8439 §2.3
const COLUMNS: readonly QuarterRound[] = [[0, 4, 8, 12], [1, 5, 9, 13], [2, 6, 10, 14], [3, 7, 11, 15]];
const DIAGONALS: readonly QuarterRound[] = [[0, 5, 10, 15], [1, 6, 11, 12], [2, 7, 8, 13], [3, 4, 9, 14]];

/** @returns the module */
export function wideCipherText(): string {
  return `(module
(import "env" "memory" (memory 1))
${roundsFunction("rounds", "none")}
${roundsFunction("roundsBeside", "some")}
${roundsFunction("roundsBesideAll", "all")}
${initPoly1305()}
${absorbBlocks()}
${finishPoly1305()}
)
`;
}

/** Computes the next eight blocks, while Poly1305 takes none, some (1 to 9), or all ten units from `at` on. */
function roundsFunction(name: string, beside: "none" | "some" | "all"): string {
  const vectors = WORDS.map((i) => `(local $x${i} v128) (local $y${i} v128)`).join(" ");
  const plain = steps().join("\n");
  const count = (units: string) => `(local.set $units ${units})`;
  const loop = (label: string, body: string) =>
    `(loop $${label}
${body}
(br_if $${label} (local.tee $units (i32.sub (local.get $units) (i32.const 1)))))`;
  const parameters = { none: "", some: "(param $at i32) (param $units i32)", all: "(param $at i32)" }[beside];
  const counter = beside === "some" ? "(local $left i32)" : "(local $units i32)";
  const rounds = {
    none: `${count(`(i32.const ${DOUBLE_ROUNDS})`)} ${loop("alone", plain)}`,
    some: `(local.set $left (i32.sub (i32.const ${DOUBLE_ROUNDS}) (local.get $units)))
${loop("beside", besidePoly1305())}
${count("(local.get $left)")}
${loop("alone", plain)}`,
    all: `${count(`(i32.const ${DOUBLE_ROUNDS})`)} ${loop("beside", besidePoly1305())}`,
  }[beside];
  return `(func (export "${name}") ${parameters} ${vectors} ${beside === "none" ? "" : POLY_LOCALS} ${counter}
${both((v, i, half) => `(local.set $${v}${i} (v128.load offset=${i * 32 + half} (i32.const ${STATE})))`)}
${beside === "none" ? "" : POLY_LOAD}
${rounds}
${beside === "none" ? "" : POLY_STORE}
${
    both((v, i, half) =>
      `(local.set $${v}${i} (i32x4.add (local.get $${v}${i}) (v128.load offset=${
        i * 32 + half
      } (i32.const ${STATE}))))`
    )
  }
${both((v, i, half) => `(v128.store offset=${i * 32 + half} (i32.const ${STREAM}) (local.get $${v}${i}))`)})`;
}

/** Something for both halves of each word: blocks 0 to 3 are called x, 4 to 7 y. */
function both(write: (vector: "x" | "y", word: number, half: 0 | 16) => string): string {
  return WORDS.map((i) => `${write("x", i, 0)} ${write("y", i, 16)}`).join("\n");
}

/** A double round in 24 steps, each of them for four quarter rounds and both halves. */
function steps(): string[] {
  return [COLUMNS, DIAGONALS].flatMap((quarters) => {
    const each = (write: (v: "x" | "y", q: QuarterRound) => string) =>
      quarters.map((q) => `${write("x", q)}\n${write("y", q)}`).join("\n");
    const half = (bits: number, a: 0 | 2, b: 1 | 3, c: 1 | 3) => [
      each((v, q) =>
        `(local.set $${v}${q[a]} (i32x4.add (local.get $${v}${q[a]}) (local.get $${v}${q[b]})))`
      ),
      each((v, q) => `(local.set $${v}${q[c]} (v128.xor (local.get $${v}${q[c]}) (local.get $${v}${q[a]})))`),
      each((v, q) =>
        `(local.set $${v}${q[c]} (v128.or (i32x4.shl (local.get $${v}${q[c]}) (i32.const ${bits}))` +
        ` (i32x4.shr_u (local.get $${v}${q[c]}) (i32.const ${32 - bits}))))`
      ),
    ];
    return [...half(16, 0, 1, 3), ...half(12, 2, 3, 1), ...half(8, 0, 1, 3), ...half(7, 2, 3, 1)];
  });
}

/** A double round with the parts of a unit of Poly1305 strewn in evenly. */
function besidePoly1305(): string {
  const parts = Array.from({ length: BLOCKS_PER_UNIT }, (_, i) => absorbParts(i * 16)).flat();
  const all = steps();
  const mixed = all.flatMap((step, i) => {
    const from = Math.ceil(i * parts.length / all.length);
    return [...parts.slice(from, Math.ceil((i + 1) * parts.length / all.length)), step];
  });
  return `${mixed.join("\n")}
(local.set $at (i32.add (local.get $at) (i32.const ${BLOCKS_PER_UNIT * 16})))`;
}

// r0 and r1 are the clamped key, s1 is r1 * 5 / 4; what stands in h2 above bit 130 is folded when the next block comes.
const POLY_LOCALS = "r0 r1 s1 h0 h1 h2 low high carry".split(" ").map((name) => `(local $${name} i64)`).join(
  " ",
);
const POLY_LOAD = "r0 r1 s1 h0 h1 h2".split(" ").map((name, i) =>
  `(local.set $${name} (i64.load (i32.const ${POLY + 8 * i})))`
).join("\n");
const POLY_STORE = "h0 h1 h2".split(" ").map((name, i) =>
  `(i64.store (i32.const ${POLY + 24 + 8 * i}) (local.get $${name}))`
).join("\n");

/** What stands above bit 130 comes back times five. Of h2, two bits are left. */
const FOLD =
  `(local.set $low (i64.add (i64.shr_u (local.get $h2) (i64.const 2)) (i64.and (local.get $h2) (i64.const -4))))
(local.set $h2 (i64.and (local.get $h2) (i64.const 3)))
(i64.add128 (local.get $h0) (i64.const 0) (local.get $low) (i64.const 0)) (local.set $carry) (local.set $h0)`;

/** What is left of folding. */
const CARRY =
  `(i64.add128 (local.get $h1) (i64.const 0) (local.get $carry) (i64.const 0)) (local.set $carry) (local.set $h1)
(local.set $h2 (i64.add (local.get $h2) (local.get $carry)))`;

/** h = (h + block + 2^128) * r modulo 2^130 - 5, not fully reduced, in four parts. */
function absorbParts(offset: number): string[] {
  return [
    FOLD,
    `(i64.add128 (local.get $h0) (local.get $carry) (i64.load offset=${offset} (local.get $at)) (i64.const 0))
(local.set $carry) (local.set $h0)
(i64.add128 (local.get $h1) (i64.const 0) (i64.load offset=${offset + 8} (local.get $at)) (i64.const 0))
(local.get $carry) (i64.const 0) (i64.add128) (local.set $carry) (local.set $h1)
(local.set $h2 (i64.add (i64.add (local.get $h2) (local.get $carry)) (i64.const 1)))`,
    `(i64.mul_wide_u (local.get $h0) (local.get $r0)) (i64.mul_wide_u (local.get $h1) (local.get $s1)) (i64.add128)
(local.set $high) (local.set $low)`,
    // h2 is below eight and the key below 2^60, so the sum of the third product and what was above is below 2^64.
    `(i64.mul_wide_u (local.get $h0) (local.get $r1)) (i64.mul_wide_u (local.get $h1) (local.get $r0)) (i64.add128)
(i64.add (i64.mul (local.get $h2) (local.get $s1)) (local.get $high)) (i64.const 0) (i64.add128)
(local.set $high) (local.set $h1)
(local.set $h0 (local.get $low))
(local.set $h2 (i64.add (i64.mul (local.get $h2) (local.get $r0)) (local.get $high)))`,
  ];
}

function absorbBlocks(): string {
  return `(func (export "absorbBlocks") (param $at i32) (param $count i32) ${POLY_LOCALS}
(if (i32.eqz (local.get $count)) (then (return)))
${POLY_LOAD}
(loop $blocks
${absorbParts(0).join("\n")}
(local.set $at (i32.add (local.get $at) (i32.const 16)))
(br_if $blocks (local.tee $count (i32.sub (local.get $count) (i32.const 1)))))
${POLY_STORE})`;
}

/** RFC 8439 §2.5.1: the first half of the key, clamped. */
function initPoly1305(): string {
  return `(func (export "initPoly1305") (param $key i32) (local $r1 i64)
(i64.store (i32.const ${POLY}) (i64.and (i64.load (local.get $key)) (i64.const 0x0ffffffc0fffffff)))
(local.set $r1 (i64.and (i64.load offset=8 (local.get $key)) (i64.const 0x0ffffffc0ffffffc)))
(i64.store (i32.const ${POLY + 8}) (local.get $r1))
(i64.store (i32.const ${POLY + 16}) (i64.add (local.get $r1) (i64.shr_u (local.get $r1) (i64.const 2))))
${[24, 32, 40].map((at) => `(i64.store (i32.const ${POLY + at}) (i64.const 0))`).join("\n")})`;
}

/** Subtracts 2^130 - 5 when h is not below it, without a branch, and adds the second half of the key. */
function finishPoly1305(): string {
  const choose = (name: string, reduced: string) =>
    `(local.set $${name} (i64.xor (local.get $${name})
(i64.and (local.get $mask) (i64.xor (local.get $${name}) (local.get $${reduced})))))`;
  return `(func (export "finishPoly1305") (param $pad i32) (param $tag i32)
(local $h0 i64) (local $h1 i64) (local $h2 i64) (local $low i64) (local $carry i64)
(local $g0 i64) (local $g1 i64) (local $mask i64)
${
    "h0 h1 h2".split(" ").map((name, i) => `(local.set $${name} (i64.load (i32.const ${POLY + 24 + 8 * i})))`)
      .join("\n")
  }
${[FOLD, FOLD].map((fold) => `${fold}\n${CARRY}`).join("\n")}
(i64.add128 (local.get $h0) (local.get $h1) (i64.const 5) (i64.const 0)) (local.set $g1) (local.set $g0)
(local.set $mask (i64.sub (i64.const 0) (i64.extend_i32_u (i64.ge_u
(i64.add (local.get $h2) (i64.extend_i32_u (i64.lt_u (local.get $g1) (local.get $h1))))
(i64.const 4)))))
${choose("h0", "g0")}
${choose("h1", "g1")}
(i64.add128 (local.get $h0) (local.get $h1) (i64.load (local.get $pad)) (i64.load offset=8 (local.get $pad)))
(local.set $h1) (local.set $h0)
(i64.store (local.get $tag) (local.get $h0))
(i64.store offset=8 (local.get $tag) (local.get $h1)))`;
}
