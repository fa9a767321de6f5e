/**
 * `weft data show`: what a collection is.
 * @module
 */

import { printableJson, showUnprintable } from "../../../base/mod.ts";
import type { CollectionState } from "../../../data/mod.ts";
import { paint } from "../../terminal.ts";
import { type AnyCommand, type CommandContext, printJson } from "../../weft_command.ts";
import { runWithData } from "./attached_data.ts";
import { engineText, moveText } from "./move_command.ts";

const SHOWN: readonly (readonly [string, (state: CollectionState) => string])[] = [
  ["entries", ({ count }) => `${count}`],
  ["revision", ({ revision }) => `${revision}`],
  ["key", ({ key }) => key],
  ["indexes", ({ index }) => index.length === 0 ? "none" : index.join(", ")],
  ["read", ({ read = "every member" }) => read],
  ["write", ({ write = "every member" }) => write],
  ["schema", ({ schema }) => schema === undefined ? "none" : `version ${schema.version}`],
];

/** Adds the command. */
export function addShow(group: AnyCommand, { ports }: CommandContext): void {
  const { terminal } = ports;
  runWithData(
    group.command("show").description("print what a collection is, and what its values are like")
      .argument("<collection>", "as `weft data list` shows it")
      .option("--json", "as JSON")
      .addHelpText("after", "\nExample:\n  $ weft data show orders --json | jq .schema.jsonSchema"),
    ports,
    async ({ client }, [name = ""], { json }) => {
      // Its own node alone says where it is; a collection may be another one's.
      const moving = await client.moving(name).catch(() => undefined);
      const state = await (await client.existing(name)).describe();
      if (json === true) return printJson(ports, { ...state, ...moving });
      const width = Math.max(...SHOWN.map(([what]) => what.length)) + 2;
      const lines = SHOWN.map(([what, text]) => `${what.padEnd(width)}${showUnprintable(text(state))}`);
      if (moving !== undefined) {
        lines.push(`${"engine".padEnd(width)}${engineText(moving.engine)}`);
        if (moving.move !== null) lines.push(`${"move".padEnd(width)}${moveText(moving.move)}`);
        const { failure } = moving;
        if (failure !== null) {
          lines.push(`${"move".padEnd(width)}failed: ${showUnprintable(failure.message)}`);
        }
      }
      const properties = propertiesOf(state);
      const own = Math.max(0, ...properties.map(([property]) => property.length)) + 2;
      lines.push(...properties.map(([property, type]) => `  ${property.padEnd(own)}${type}`));
      terminal.out(`${paint(terminal, "strong", name)}\n${lines.join("\n")}\n`);
    },
  );
}

/** The properties that a JSON Schema names, and their types; whoever made it may have written anything. */
function propertiesOf({ schema }: CollectionState): readonly (readonly [string, string])[] {
  const { properties, required } = fieldsOf(schema?.jsonSchema);
  const isNeeded = (name: string) => !Array.isArray(required) || required.includes(name);
  return Object.entries(fieldsOf(properties)).map(([name, property]) => {
    const { type, enum: values } = fieldsOf(property);
    const said = Array.isArray(values) ? values : [type ?? "any"];
    const text = said.map((one) => typeof one === "string" ? one : printableJson(one)).join(" | ");
    return [
      printableJson(name).slice(1, -1),
      `${printableJson(text).slice(1, -1)}${isNeeded(name) ? "" : ", optional"}`,
    ];
  });
}

function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null ? value as Readonly<Record<string, unknown>> : {};
}
