/**
 * All that a node has of policies: what is in force, what leaders do about it, and where messages are asked about.
 * @module
 */

import type { AgentContext } from "../agent_context.ts";
import type { NameService } from "../names/mod.ts";
import { MessagePolicy } from "./message_policy.ts";
import { Policies, type PoliciesParts } from "./policies.ts";
import { type PolicyActParts, PolicyActs } from "./policy_acts.ts";
import type { JournalReport } from "./policy_journal.ts";

/** What a node lends them. */
export interface NodePoliciesParts
  extends AgentContext, Omit<PolicyActParts, "policies" | keyof AgentContext> {
  readonly store: PoliciesParts["store"];
  readonly networks: PoliciesParts["networks"];
  readonly routed?: NonNullable<PoliciesParts["routed"]>;
  /** Another policy holds for messages and names from now on. */
  onChange(): void;
}

/** From the start of an agent to its end. */
export class NodePolicies {
  readonly all: Policies;
  readonly acts: PolicyActs;
  /** Where messages are sent and received; idle until `open`. */
  readonly messages: MessagePolicy;

  readonly #log: AgentContext["log"];

  /** Nothing decides yet. */
  constructor(parts: NodePoliciesParts) {
    this.#log = parts.log;
    this.all = new Policies(parts);
    this.acts = new PolicyActs({ ...parts, policies: this.all });
    this.messages = new MessagePolicy({
      ...parts,
      onReport: (report) => this.note("messages", report),
      onChange: () => parts.onChange(),
    });
  }

  /** Hands messages their first program. @returns a function that ends it */
  open(): () => void {
    const detach = this.all.attach(this.messages);
    return () => {
      this.all.close();
      this.messages.close();
      detach();
    };
  }

  /** Takes down what something on this node has decided. */
  note(source: string, report: JournalReport): void {
    this.all.journal.handleReport(source, report);
  }

  /** Has names hidden from those who may reach nothing of whoever has them, where the policy says so. */
  hide(names: Pick<NameService, "hideBy"> | undefined): void {
    names?.hideBy(this.messages.guard).catch((error) =>
      this.#log.error("names are not hidden as the policy says", { error })
    );
  }

  /** What time alone brings about. */
  lookAfter(isElected: boolean): void {
    if (isElected) this.acts.lookAfter();
    this.all.lookAfter();
  }
}
