/**
 * The policy that a leader's options declare: read and checked before the start, and in force before the first packet.
 * @module
 */

import type { Logger, StateStore } from "../../base/mod.ts";
import { readPolicyFile } from "../../config/mod.ts";
import { isAboutNobody, type PolicyDocument, runPolicyTests } from "../../policy/mod.ts";
import { InvalidRequestError } from "../errors.ts";
import { PolicyTestFailedError } from "./errors.ts";
import type { Policies } from "./policies.ts";
import type { PolicyActs } from "./policy_acts.ts";
import { packPolicy } from "./policy_entry.ts";

const COLLECTION = "policy-declared";
const KEY = "revision";

/** What a declared policy is applied by. */
export interface DeclaringNode {
  readonly policies: {
    readonly all: Pick<Policies, "book" | "roster">;
    readonly acts: Pick<PolicyActs, "apply">;
  };
  readonly mesh: { readonly role: "leader" | "member" };
}

/**
 * Reads the declared file.
 * @throws PolicyFileError with line and column, InvalidRequestError when there is no such file
 */
export async function readDeclaredPolicy(file: string): Promise<PolicyDocument> {
  let text: string;
  try {
    text = await Deno.readTextFile(file);
  } catch (cause) {
    const why = cause instanceof Deno.errors.NotFound ? "there is no such file" : String(cause);
    throw new InvalidRequestError(`Cannot read the policy ${file}: ${why}`, {
      hint: "`weft policy init` writes one to begin with.",
      cause,
    });
  }
  return (await readPolicyFile(text, file)).document;
}

/**
 * Has the declared document take effect where none is in force, or what this leader has declared before. Another one is
 * what somebody has applied since: it stays, and that is told. Of its tests those count for which there are members.
 * @returns whether it is in force since now
 * @throws PolicyTestFailedError, PolicyTooLargeError
 */
export function applyDeclaredPolicy(
  document: PolicyDocument,
  { policies: { all: policies, acts }, mesh }: DeclaringNode,
  { store, log }: { readonly store: StateStore; readonly log: Logger },
): boolean {
  if (mesh.role !== "leader") {
    log.warn("the declared policy is left out: this node is no leader");
    return false;
  }
  const declared = packPolicy(document).revision;
  const inForce = policies.book.get("enforced")?.head.revision;
  const stored = store.get(COLLECTION, KEY);
  const former = stored && new TextDecoder().decode(stored);
  if (inForce !== declared) {
    if (inForce !== former) {
      log.warn("another policy is in force than is declared, and stays", {
        inForce: inForce ?? "none",
        declared,
        hint: "`weft policy apply FILE` has the declared one take effect",
      });
      return false;
    }
    const failures = runPolicyTests(document, policies.roster()).filter((failure) => !isAboutNobody(failure));
    const [first] = failures;
    if (first !== undefined) {
      throw new PolicyTestFailedError(`Cannot apply the declared policy: a test fails: ${first.message}`, {
        hint: "`weft policy test FILE` shows all that fail.",
      });
    }
    acts.apply({ document, place: "enforced" });
    log.info("the declared policy is in force", { revision: declared });
  }
  store.put(COLLECTION, KEY, new TextEncoder().encode(declared));
  return inForce !== declared;
}
