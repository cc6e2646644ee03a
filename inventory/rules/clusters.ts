import { credentialParts } from '../../domain/identifiers.ts';
import { at, consumersOf, listed } from './world.ts';
import type { Rule } from './world.ts';

/** A consumer's workload is in a cluster of targets.yml, and where its team may name workloads. */
export const knownCluster: Rule = ({ entries, targets }) =>
  entries.flatMap((entry) =>
    consumersOf(entry).flatMap(({ kubernetes }, index) => {
      if (kubernetes === undefined) return [];
      const problem = (key: string, text: string) => [at(entry, ['consumers', index, 'kubernetes', key], text)];
      const clusters = targets.clusters ?? {};
      const cluster = Object.hasOwn(clusters, kubernetes.cluster) ? clusters[kubernetes.cluster] : undefined;
      if (cluster === undefined)
        return problem('cluster', `no such cluster in targets.yml: expected one of ${listed(Object.keys(clusters))}`);
      const { environment } = credentialParts(entry.id);
      if (cluster.environment !== undefined && cluster.environment !== environment)
        return problem('cluster', `this cluster is only for environment ${cluster.environment}`);
      const { namespace } = kubernetes;
      const teams = Object.hasOwn(cluster.namespaces, namespace) ? cluster.namespaces[namespace] : undefined;
      if (teams?.includes(entry.team) === true) return [];
      return problem('namespace', `cluster ${kubernetes.cluster} lets team ${entry.team} name no workload there`);
    }),
  );

/** The roll-out of a workload shows a version only where a new version restarts its pods. */
export const rolledOutIsSeen: Rule = ({ entries }) =>
  entries.flatMap((entry) =>
    consumersOf(entry).flatMap(({ demand, kubernetes }, index) => {
      if (demand !== 'rolled-out') return [];
      if (kubernetes === undefined)
        return [
          at(entry, ['consumers', index, 'demand'], 'rolled-out needs kubernetes: the cluster and workload to look at'),
        ];
      if (kubernetes.restart !== 'none') return [];
      return [
        at(
          entry,
          ['consumers', index, 'demand'],
          'rolled-out cannot be shown with restart: none, since nothing tells when running pods take up a Secret: demand endpoint-reported or possession',
        ),
      ];
    }),
  );
