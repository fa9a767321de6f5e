/**
 * The evaluator: the one place that decides, for packets, frames, calls, events, connections and names. It is pure: the same program
 * and the same attempt give the same decision at both ends and in every thread.
 *
 * **An attempt** goes from a source to a destination of one network: members in the mesh, endpoints in an overlay network. It is
 * a packet (protocol and ports), a frame that holds no IP (its EtherType), a call (the path of a service), or an event (a
 * topic). Whoever begins is the source; replies belong to the flow, which is no matter of the rules.
 *
 * **Rules** are asked in one order: of the policy with the higher priority first; within a priority `deny`, then `redirect`, then
 * `allow`; then as the file has them. The first that matches decides. A rule matches when its source means the source,
 * its destination the destination, and its protocol and ports the attempt. `limit` and `qos` decide nothing: of each
 * the first that matches shapes what passes, by the same order of priorities and file.
 *
 * **When none matches** it depends on the destination. If no `allow`, `deny` or `redirect` of any policy of the network has it among its
 * destinations, the attempt is allowed; otherwise it is denied. So any such rule makes its destinations deny what is not
 * allowed, in every protocol, and a `deny` by itself closes its destination altogether. It holds for one direction: rules to
 * the database restrict what is begun towards it, not what the database begins; for that write `from: role=db`.
 *
 * | `to`                                 | `protocol`, `ports` | means                                                          |
 * | ------------------------------------ | ------------------- | -------------------------------------------------------------- |
 * | `role=db`                            | none                | packets, frames, calls at and events to these members          |
 * | `role=db`                            | `tcp/5432`          | that; they are restricted in all kinds                         |
 * | `role=db`                            | `call`, `event`     | any call at them, any event to them                            |
 * | `service:orders`                     | none, `call`        | calls of that path and what is below it, whoever answers       |
 * | `service:orders`                     | `tcp/80`            | the members that offer it                                      |
 * | `topic:metrics/>`                    | none, `event`       | events of these topics, to whomever                            |
 *
 * A service or a topic that is a destination is restricted for all callers, likewise. A call is asked of the rules for its path and
 * of those for the member that answers, as one list; so is an event, once for each who gets it. Whether it may be
 * published at all is asked with destination 0: it may unless all would be denied it. Services whose names begin with
 * `$` are the mesh's own and always allowed.
 *
 * **Whom selectors mean.** A member with all of its addresses is one subject. Addresses of networks behind a device
 * have the device's name, labels, services and roles, since its key is all that is authenticated; of selectors by address only those mean
 * them that contain them. Of an address that nobody has nothing is known but the address: `*` means it, blocks that
 * contain it do, and the opposite of blocks that do not; what depends on a name, a label, a service, a role or a network is not true of
 * it, and neither is its opposite (Kleene's logic: `role!=web` means members alone). Somebody of whom nothing is known is meant
 * by `*` alone. Of two members that claim one address the one with the lower id has it.
 *
 * **Nobody is kept from itself**: a member, an endpoint, a device and the networks behind it always reach themselves.
 *
 * **Redirect.** What a `redirect` matches is allowed, by one of the members that `via` means; straight, where the source or the destination is
 * one of these; and not at all while `via` means nobody. For calls `via: service:PATH` calls that service in its place,
 * but for calls of that service itself. Events go straight.
 *
 * **Denials** are answered as the deciding rule's `answer` says, or else the document's; where no rule matched, as the document's.
 *
 * **Names** are hidden (`names: hide`) from those to whom nothing at all of their owner is allowed.
 *
 * Subjects that no rule tells apart are one class. For a pair of classes the rules are laid upon the ports, once, when
 * they are first asked for; a decision then is two lookups and a search by halving, whatever the number of rules, and
 * allocates nothing. What is remembered is bounded and made again when it was forgotten.
 *
 * @module
 */

export { ClassIndex } from "./class_rules.ts";
export * from "./decision.ts";
export { DecisionTable } from "./decision_table.ts";
export { PairRules } from "./pair_rules.ts";
export type { PortTable } from "./port_table.ts";
export { ProgramEvaluator, readProgram } from "./program_evaluator.ts";
export { isBelow, isInternal, matchesTopic, qualified } from "./topic_match.ts";
