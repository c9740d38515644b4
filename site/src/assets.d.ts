/** Files whose address the build gives. */
declare module "*?url" {
  const address: string;
  export default address;
}
