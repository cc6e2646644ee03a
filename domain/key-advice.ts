/**
 * What an adapter knows of the keys that a target's settings ask for, beyond how they are made and killed: what `keybaton
 * advise` tells people. Told from settings alone, defaults filled in; nobody is asked, and nothing in it is secret.
 */
export interface KeyAdvice {
  /** The vendor documents how a workload calls it without any stored key. Left out: no such page is known. */
  readonly keyless?: {
    /** In one phrase: what the workload uses instead. */
    readonly by: string;
    /** The vendor's own page. */
    readonly page: string;
  };
  /** What lets a key do more than the least that can be asked for. */
  readonly wide?: readonly Slack[];
  /** Limits that could be set at issue and are not. */
  readonly unlimited?: readonly Slack[];
  /** Where a person who makes a key can give it an end, and the vendor then shows it. */
  readonly endByHand?: string;
  /** What the settings name (a project, an account, a server), where they alone tell it from every other in the world. */
  readonly place?: string;
}

/** One thing that the settings leave loose, and how to draw it tight. */
export interface Slack {
  /** What the settings say, and what a key may do because of it. */
  readonly fact: string;
  /** What to write in the target's settings, beginning with a verb. */
  readonly fix: string;
}
