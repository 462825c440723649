/** Name and version of this client, as events carry it. The version is the package's own; a test compares the two. */
export const CLIENT = 'runseal-js/0.1.0';
