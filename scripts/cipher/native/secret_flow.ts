/**
 * Follows secrets through the emitted code, instruction by instruction and along every jump, and finds where one decides
 * something: which way a jump goes, which address is used, how often something is repeated. Code without such places takes
 * the same time whatever the secrets are, as far as single instructions do.
 *
 * Secret is: the key, everything in the context that was not taken as public, and every text and tag; and what was computed
 * from any of it. Public are tables and constants.
 *
 * @module
 */

import { NATIVE_CONTEXT } from "../../../lib/crypto/batch/native_layout.ts";
import type { PlacedInstruction } from "./assembler.ts";
import type { ContextRange } from "./context.ts";
import {
  type EmittedCode,
  isMemory,
  isRegister,
  type Memory,
  type Operand,
  rbx,
  type Register,
} from "./mod.ts";

/** A place where a secret decides something. */
export interface SecretUse {
  readonly at: number;
  readonly mnemonic: string;
  readonly what: "jump" | "address" | "mask of memory" | "repetition" | "public place" | "stack" | "return";
}

/** Instructions that compute their first operand from it and from the others. */
const UPDATES: ReadonlySet<string> = new Set(
  "add or adc and sub xor shl shr imul cmovb cmove cmovne vpmadd52luq vpmadd52huq".split(" "),
);
const WRITES_FLAGS: ReadonlySet<string> = new Set(
  "add or adc and sub xor cmp test shl shr imul bzhi".split(" "),
);
const READS_FLAGS: ReadonlySet<string> = new Set("adc cmovb cmove cmovne".split(" "));
const ONLY_COMPARES: ReadonlySet<string> = new Set(["cmp", "test"]);
/** Of a register with itself it makes zeroes. */
const CLEARS: ReadonlySet<string> = new Set(["xor", "vpxor", "vpxord", "kxorq"]);
/** The number that was converted last, in the lowest element of a register that keeps the others. */
const CONVERTED = "converted";
const NOTHING: ReadonlySet<string> = new Set(["endbr64"]);
const [FLAGS, RCX, RDX, RSI, RDI, RAX] = [
  "flags",
  "general1",
  "general2",
  "general6",
  "general7",
  "general0",
] as const;

/** What is secret, and what general registers point to, where it is not text. */
interface State {
  readonly secrets: Set<string>;
  readonly tables: Set<string>;
}

/** @param entry the label where it begins */
export function findSecretUses(
  { placed, labels, publicRanges }: EmittedCode,
  entry: string,
): readonly SecretUse[] {
  const flow = new SecretFlow(publicRanges), uses = new Map<string, SecretUse>();
  const indexAt = new Map(placed.map(({ at }, index) => [at, index]));
  const indexOf = (label: string) => {
    const at = labels.get(label) ?? NaN;
    // A label may stand before bytes that only align what follows.
    return indexAt.get(at) ?? placed.findIndex((each) => each.at >= at);
  };
  const states = new Map<number, State>();
  const pending = [indexOf(entry)];
  states.set(pending[0] ?? 0, { secrets: new Set(), tables: new Set() });
  for (let index = pending.pop(); index !== undefined; index = pending.pop()) {
    const each = placed[index], before = states.get(index);
    if (each === undefined || before === undefined) throw new TypeError(`The code runs out at ${index}`);
    const after: State = { secrets: new Set(before.secrets), tables: new Set(before.tables) };
    for (const what of flow.step(each, after)) {
      uses.set(`${each.at} ${what}`, { at: each.at, mnemonic: each.instruction.mnemonic, what });
    }
    const { mnemonic, label } = each.instruction;
    const next = mnemonic === "ret" || mnemonic === "jmp" ? [] : [index + 1];
    if (mnemonic.startsWith("j") && label !== undefined) next.push(indexOf(label));
    for (const successor of next) if (join(states, successor, after)) pending.push(successor);
  }
  return [...uses.values()];
}

/** @returns whether what is known before an instruction has changed */
function join(states: Map<number, State>, index: number, { secrets, tables }: State): boolean {
  const known = states.get(index);
  if (known === undefined) {
    states.set(index, { secrets: new Set(secrets), tables: new Set(tables) });
    return true;
  }
  const [had, pointed] = [known.secrets.size, known.tables.size];
  for (const name of secrets) known.secrets.add(name);
  // What is a table by one way only is none.
  for (const name of known.tables) if (!tables.has(name)) known.tables.delete(name);
  return known.secrets.size !== had || known.tables.size !== pointed;
}

class SecretFlow {
  readonly #publicRanges: readonly ContextRange[];

  constructor(publicRanges: readonly ContextRange[]) {
    this.#publicRanges = publicRanges;
  }

  /** Changes the state as the instruction does. @returns what a secret decides in it */
  step({ instruction: { mnemonic, operands } }: PlacedInstruction, state: State): SecretUse["what"][] {
    const { secrets, tables } = state, uses: SecretUse["what"][] = [];
    if (NOTHING.has(mnemonic)) return uses;
    if (mnemonic === "ret") return secrets.size > 0 ? ["return"] : [];
    if (mnemonic.startsWith("j")) return mnemonic !== "jmp" && secrets.has(FLAGS) ? ["jump"] : [];
    if (mnemonic.startsWith("rep_")) {
      if ([RCX, RDI, ...mnemonic === "rep_movsb" ? [RSI] : []].some((name) => secrets.has(name))) {
        uses.push("repetition");
      }
      if (mnemonic === "rep_stosb" && secrets.has(RAX)) uses.push("public place");
      return uses;
    }
    if (mnemonic === "vzeroall") {
      for (const name of secrets) if (/^vector([0-9]|1[0-5])$/.test(name)) secrets.delete(name);
      return uses;
    }
    const [first, ...others] = operands;
    if (mnemonic === "vcvtsi2sd") {
      set(secrets, CONVERTED, isSecret(operands.at(-1), secrets));
      return uses;
    }
    if (mnemonic === "vucomisd") {
      const isSecretNumber = others.some((operand) =>
        isMemory(operand) && this.#isSecretPlace(operand, state)
      );
      set(secrets, FLAGS, isSecretNumber || secrets.has(CONVERTED));
      return uses;
    }
    if (mnemonic === "push") return isSecret(first, secrets) ? ["stack"] : [];
    for (const operand of operands.filter(isMemory)) {
      if ([operand.base, operand.index].some((register) => isSecret(register, secrets))) uses.push("address");
      if (operand.mask !== undefined && secrets.has(`mask${operand.mask}`)) uses.push("mask of memory");
    }
    const maskOf = isRegister(first) && first.mask !== undefined ? first : undefined;
    if (
      maskOf !== undefined && secrets.has(`mask${maskOf.mask}`) && others.some(isMemory) &&
      mnemonic.startsWith("vmov")
    ) {
      uses.push("mask of memory");
    }
    const sources =
      ONLY_COMPARES.has(mnemonic) || UPDATES.has(mnemonic) || (maskOf !== undefined && !maskOf.zeroing)
        ? operands
        : others;
    const isCleared = CLEARS.has(mnemonic) &&
      operands.slice(-2).every((operand) =>
        isRegister(operand) && nameOf(operand) === nameOf(operands.at(-1) as Register)
      );
    const result = !isCleared && (
      // An address that is computed takes nothing from memory.
      (mnemonic === "lea"
        ? [(others[0] as Memory).base, (others[0] as Memory).index].some((register) =>
          isSecret(register, secrets)
        )
        : sources.some((operand) =>
          isMemory(operand) ? this.#isSecretPlace(operand, state) : isSecret(operand, secrets)
        )) ||
      (READS_FLAGS.has(mnemonic) && secrets.has(FLAGS)) ||
      (mnemonic === "mulx" && secrets.has(RDX)) ||
      (maskOf !== undefined && secrets.has(`mask${maskOf.mask}`))
    );
    if (WRITES_FLAGS.has(mnemonic)) set(secrets, FLAGS, result);
    if (ONLY_COMPARES.has(mnemonic)) return uses;
    const written = mnemonic === "mulx" ? operands.slice(0, 2) : [first];
    for (const target of written) {
      if (isRegister(target)) {
        set(secrets, nameOf(target), mnemonic === "pop" ? false : result);
        set(tables, nameOf(target), this.#isTable(mnemonic, others, state));
      } else if (isMemory(target) && result && !this.#isSecretPlace(target, state)) uses.push("public place");
    }
    return uses;
  }

  /** Whether what stands in memory is secret. */
  #isSecretPlace(place: Memory, { tables }: State): boolean {
    if (place.label !== undefined) return false;
    if (place.base?.number !== rbx.number) return place.base === undefined || !tables.has(nameOf(place.base));
    const { displacement } = place;
    return !this.#publicRanges.some(({ from, to }) => displacement >= from && displacement < to);
  }

  /** Whether an instruction makes a register point to tables: those of messages, or constants of the code. */
  #isTable(mnemonic: string, [source]: readonly Operand[], { tables }: State): boolean {
    if (mnemonic === "lea" && isMemory(source)) return source.label !== undefined;
    if (mnemonic !== "mov") return false;
    if (isMemory(source)) {
      return source.base?.number === rbx.number && source.displacement === NATIVE_CONTEXT.MEMORY;
    }
    return isRegister(source) && tables.has(nameOf(source));
  }
}

function isSecret(operand: Operand | undefined, secrets: ReadonlySet<string>): boolean {
  return isRegister(operand) && secrets.has(nameOf(operand));
}

function nameOf({ kind, number }: Register): string {
  return `${kind}${number}`;
}

function set(names: Set<string>, name: string, isIn: boolean): void {
  if (isIn) names.add(name);
  else names.delete(name);
}
