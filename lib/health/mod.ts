/**
 * Who can be reached, how well, and since when not: evidence from handshakes and probes, a verdict, a score. It is
 * pure: probes, time and timers are handed in; it sends nothing and knows no roster.
 *
 * ```
 *   targets(), probe() ──▶ OverlayHealthChecker ──▶ callbacks, HealthReport
 *                              └─ HealthMonitor ── PeerMonitor ── healthScore
 *   datagrams ──▶ EchoProber (answers, and matches answers)
 *   suspicions of members ──▶ SuspicionPolicy (whom to probe, what to announce)
 * ```
 *
 * @module
 */

export type { HealthTimes, MonitoredTarget } from "./health_monitor.ts";
export * from "./echo_prober.ts";
export * from "./overlay_health_checker.ts";
export * from "./suspicion_policy.ts";
export { type PeerFigures, type PeerPath, type ProbeAnswer, SESSION_LIFE_MS } from "./peer_health.ts";
