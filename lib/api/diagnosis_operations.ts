/**
 * The part of the table that is about what is wrong, or may be one day.
 * @module
 */

import { z } from "zod";
import type { BackupReport, BackupRequest, DiagnosisControl } from "./diagnosis.ts";
import { type LazyObject, named } from "./json_schema.ts";
import type { Operation } from "./operation.ts";

const MAX_PASSPHRASE = 1_024;

const backupRequest: LazyObject<BackupRequest> = named(
  "BackupRequest",
  () => ({ passphrase: z.string().min(1).max(MAX_PASSPHRASE) }),
);
const backupReport: LazyObject<BackupReport> = named(
  "BackupReport",
  () => ({ name: z.string(), file: z.string(), dataBytes: z.int().min(0) }),
);

/** The operations. */
export const DIAGNOSIS_OPERATIONS: { readonly [Name in keyof DiagnosisControl]: Operation<Name> } = {
  hostChanges: {
    route: "GET /host/changes",
    summary: "What this agent has changed of the host, and will take back",
    answer: () => z.array(z.string()),
    answerKey: "changes",
  },
  backup: {
    route: "POST /backup",
    summary: "A sealed copy of all that makes this node",
    request: backupRequest,
    answer: backupReport,
  },
};
