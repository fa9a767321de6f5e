/**
 * An assembler: one function for each instruction, labels, data, and streams of instructions that are woven into one
 * another.
 * @module
 */

import { encode, type Instruction } from "./encode.ts";
import { FORMS } from "./instruction_form.ts";
import type { Mnemonic } from "./instruction_table.ts";
import type { Operand } from "./operands.ts";

/** A function for each instruction, which adds it; operands are in the manual's order, the written one first. */
export type Mnemonics = Readonly<Record<Mnemonic, (...operands: Operand[]) => void>>;

/** What is placed one behind the other. */
type Part =
  | Instruction
  | { readonly kind: "label"; readonly name: string }
  | { readonly kind: "align"; readonly bytes: number }
  | { readonly kind: "data"; readonly bytes: readonly number[] };

const NOP = 0x90;

/** Collects code; `finish` places it. */
export class Assembler {
  /** Adds instructions. */
  readonly x: Mnemonics;
  #parts: Part[] = [];
  #labels = 0;

  constructor() {
    const add = (mnemonic: Mnemonic) => (...operands: Operand[]) => {
      this.#parts.push(encode(mnemonic, operands));
    };
    this.x = Object.fromEntries(
      [...FORMS.keys()].map((name) => [name, add(name as Mnemonic)]),
    ) as unknown as Mnemonics;
  }

  /** Gives the place of what comes next a name. */
  label(name: string): void {
    this.#parts.push({ kind: "label", name });
  }

  /** @returns a name that no label has yet, which begins with `name` */
  newLabel(name: string): string {
    return `${name}.${this.#labels++}`;
  }

  /** Fills up to a multiple of so many bytes. */
  align(bytes: number): void {
    this.#parts.push({ kind: "align", bytes });
  }

  /** Adds bytes that are read, not run, on a multiple of 64. */
  data(name: string, bytes: readonly number[]): void {
    this.align(64);
    this.label(name);
    this.#parts.push({ kind: "data", bytes });
  }

  /**
   * @returns the instructions that `write` adds, in place of adding them
   * @throws TypeError when there is anything but instructions among them: where that is would be lost
   */
  capture(write: () => void): Instruction[] {
    const parts = this.#parts;
    this.#parts = [];
    write();
    const captured = this.#parts;
    this.#parts = parts;
    return captured.map((part) => {
      if ("kind" in part || (part.mnemonic.startsWith("j"))) throw new TypeError("Cannot weave what jumps");
      return part;
    });
  }

  /**
   * Places streams of instructions side by side, which share no register and no flag: the processor then has work of one
   * while it waits for another. Each keeps its order, and is spread evenly over the whole.
   */
  weave(...streams: readonly (readonly Instruction[])[]): void {
    const places = streams.flatMap((stream) =>
      stream.map((instruction, i) => ({ instruction, at: (i + 0.5) / stream.length }))
    );
    // Sorting is stable, so equal places keep the order of the streams.
    for (const { instruction } of places.sort((a, b) => a.at - b.at)) this.#parts.push(instruction);
  }

  /**
   * Places everything.
   * @returns the machine code, which runs wherever it stands, and what is where
   * @throws TypeError when a label is missing, or is there twice
   */
  finish(): AssembledCode {
    const labels = new Map<string, number>(), placed: PlacedInstruction[] = [];
    const code: number[] = [];
    for (const part of this.#parts) {
      if (!("kind" in part)) {
        placed.push({ at: code.length, instruction: part });
        code.push(...part.bytes);
      } else if (part.kind === "data") code.push(...part.bytes);
      else if (part.kind === "align") { while (code.length % part.bytes !== 0) code.push(NOP); }
      else if (labels.has(part.name)) throw new TypeError(`Cannot place the label ${part.name} twice`);
      else labels.set(part.name, code.length);
    }
    const bytes = Uint8Array.from(code), view = new DataView(bytes.buffer);
    for (const { at, instruction: { bytes: { length }, distanceAt, label } } of placed) {
      if (distanceAt === undefined || label === undefined) continue;
      const target = labels.get(label);
      if (target === undefined) throw new TypeError(`Cannot find the label ${label}`);
      view.setInt32(at + distanceAt, target - (at + length), true);
    }
    return { code: bytes, placed, labels };
  }
}

/** Code that is placed. */
export interface AssembledCode {
  readonly code: Uint8Array<ArrayBuffer>;
  readonly placed: readonly PlacedInstruction[];
  /** Where labels are. */
  readonly labels: ReadonlyMap<string, number>;
}

/** An instruction, and how many bytes of code stand before it. */
export interface PlacedInstruction {
  readonly at: number;
  readonly instruction: Instruction;
}
