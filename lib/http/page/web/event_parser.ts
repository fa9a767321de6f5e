/**
 * Server-sent events, as they come in pieces (HTML Living Standard §9.2.6); of what it allows, what weft's agent sends.
 * @module
 */

/** One event. */
export interface ServerEvent {
  readonly id: string;
  readonly event: string;
  readonly data: string;
}

/** Takes text in, and gives events out. */
export class EventParser {
  #rest = "";

  /** @returns the events that are whole now */
  push(text: string): readonly ServerEvent[] {
    const blocks = (this.#rest + text).split("\n\n");
    this.#rest = blocks.pop() ?? "";
    return blocks.flatMap((block) => readBlock(block) ?? []);
  }
}

function readBlock(block: string): ServerEvent | undefined {
  const fields = { id: "", event: "message", data: "" };
  for (const line of block.split("\n")) {
    const colon = line.indexOf(": ");
    const name = line.slice(0, colon);
    if (name === "id" || name === "event" || name === "data") fields[name] = line.slice(colon + 2);
  }
  return fields.data === "" ? undefined : fields;
}
