/** The file that a thread of the library's own pool runs. */
import { serveThreads } from "./threadServer.js";

serveThreads();
