/**
 * The operations of the process that an agent runs in: how they are asked, and what they answer.
 * @module
 */

import { z } from "zod";
import { type Lazy, type LazyObject, named, object } from "./json_schema.ts";
import type { Operation } from "./operation.ts";
import { type LogReport, MAX_LOG_LINES, type ProcessControl, type UnitReport } from "./process_control.ts";

const unit: LazyObject<UnitReport> = named(
  "UnitReport",
  () => ({ name: z.string(), isUser: z.boolean() }),
);
const whole = (least: number) => z.coerce.number().int().min(least);
const line: Lazy<LogReport["lines"][number]> = () => z.object({ number: z.int().min(1), text: z.string() });

/** Their entries. */
export const PROCESS_OPERATIONS: { readonly [Name in keyof ProcessControl]: Operation<Name> } = {
  stop: {
    route: "POST /stop",
    summary: "Ends the agent as Ctrl-C does",
    answer: object(() => ({
      name: z.string(),
      pid: z.int().min(1).exactOptional(),
      unit: unit().exactOptional(),
      isLeaving: z.boolean().exactOptional(),
    })),
  },
  logs: {
    route: "GET /logs",
    summary: "The end of the agent's log",
    request: object(() => ({
      after: whole(0).exactOptional(),
      lines: whole(1).max(MAX_LOG_LINES).exactOptional(),
    })),
    answer: object(() => ({ lines: z.array(line()), unit: unit().exactOptional() })),
  },
};
