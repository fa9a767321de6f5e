/**
 * Queues as services: who may push and work, and the requests of workers that wait for messages.
 * @module
 */

export { QUEUE_NETWORK, QUEUE_PATH, queuePath, queueService } from "./queue_service.ts";
export { TakeWaits } from "./take_waits.ts";
