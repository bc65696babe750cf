import { type Api, checked, type Pointer } from "./c-api.ts";
import { type ClusterPlan, configProto, type SessionOptions, serverDef } from "./protobuf.ts";
import type { Place } from "./session.ts";

/** Keys between those of two graphs: more sums than a graph has. */
const keysOfGraph = 2 ** 16;

/**
 * A worker among others: a server of TensorFlow's own gRPC, through which collectives meet. It listens on its port of every interface, for which TensorFlow
 * has no setting, and asks nobody who they are.
 */
export class Cluster implements Place {
  readonly rank: number;
  readonly count: number;
  readonly target: string;
  /** Held, since TensorFlow's servers are never freed. */
  readonly #server: Pointer;
  #graphs = 0;

  /** Throws an Error where the port cannot be had. */
  constructor(api: Api, plan: ClusterPlan, options: SessionOptions) {
    const definition = serverDef(plan, configProto(options, plan.rank));
    this.#server = checked(api, (status) => api.newServer(definition, definition.length, status));
    checked(api, (status) => api.startServer(this.#server, status));
    this.rank = plan.rank;
    this.count = plan.addresses.length;
    this.target = api.serverTarget(this.#server);
  }

  /** What names the next graph; workers make the same graphs in the same order. */
  nextKey(): number {
    return ++this.#graphs * keysOfGraph;
  }
}
