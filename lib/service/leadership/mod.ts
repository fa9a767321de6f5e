/**
 * Which of the nodes that offer a service with mode `leader` leads it, by heartbeats and an order of ids, and the hooks
 * by which a service learns that it leads.
 * @module
 */

export { isElectable, LeadHooks, ServiceLeadership } from "./service_leadership.ts";
