/**
 * The part of the table that is about settings: what requests hold, and what is answered.
 * @module
 */

import * as z from "zod";
import { type LazyObject, named } from "./json_schema.ts";
import type { Operation } from "./operation.ts";
import type { ReloadReport, SettingChange, SettingReport, SettingsControl } from "./settings.ts";

/** As many texts as an option that is a list has at most. */
const MAX_TEXTS = 64;
const MAX_TEXT_LENGTH = 4096;

const value = (): z.ZodType<SettingReport["value"]> => z.union([z.string(), z.array(z.string()), z.null()]);

const settingReport: LazyObject<SettingReport> = named("SettingReport", () => ({
  name: z.string(),
  value: value(),
  source: z.enum(["flag", "environment", "program", "kept", "file", "network", "default"]),
  at: z.string().describe("The variable, or the path of the file").exactOptional(),
  next: value().describe("After the next start, where that is something else").exactOptional(),
}), "One setting of this node, and where it comes from.");

const settingChange: LazyObject<SettingChange> = named("SettingChange", () => ({
  name: z.string().min(1).max(64),
  value: z.array(z.string().max(MAX_TEXT_LENGTH)).min(1).max(MAX_TEXTS)
    .describe("Each text of a list by itself; absent to forget what is kept").exactOptional(),
}));

const reloadReport: LazyObject<ReloadReport> = named("ReloadReport", () => ({
  changed: z.array(z.object({ name: z.string(), value: value() })),
  pending: z.array(z.object({ name: z.string(), value: value(), next: value() })),
  failed: z.array(z.object({
    names: z.array(z.string()),
    problem: z.string(),
    hint: z.string().exactOptional(),
  })),
}), "What came of reading the settings again.");

/** The operations. */
export const SETTINGS_OPERATIONS: { readonly [Name in keyof SettingsControl]: Operation<Name> } = {
  settings: {
    route: "GET /config",
    summary: "Every setting of this node, and where it comes from",
    answer: () => z.array(settingReport()),
  },
  changeSetting: {
    route: "POST /config",
    summary: "Keeps a setting for the next start, or forgets it",
    request: settingChange,
    answer: () => z.boolean(),
    answerKey: "changed",
  },
  reload: {
    route: "POST /config/reload",
    summary: "Reads the settings again, and follows what can change while the node runs",
    answer: reloadReport,
  },
};
