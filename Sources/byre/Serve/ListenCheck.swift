import Glibc
package import Transport

/// Takes the addresses of listeners, before anything is changed on disk.
///
/// The address of a unix socket is a file, and is taken later: here it is only looked at, and
/// somebody else may take it meanwhile; then opening the listener fails.
package enum ListenCheck {
    /// Takes the address of `url`.
    /// - Parameter directoryToMake: where a socket file may be though there is no such directory yet.
    /// - Returns: `url`, with the port that the system chose in the place of port 0, and the socket.
    /// - Throws: ``StartError`` when that is not possible.
    package static func take(
        _ url: ListenURL,
        directoryToMake: String
    ) throws(StartError) -> (url: ListenURL, socket: BoundSocket?) {
        switch url.place {
        case .path(let path):
            let directory = self.directory(of: path)
            if access(directory, F_OK) != 0, directory != directoryToMake {
                throw self.failure(url, String(cString: strerror(errno)))
            }
            do throws(TransportError) {
                try BoundSocket.check(path)
            } catch {
                throw self.failure(url, error)
            }
            return (url, nil)
        case .host(let host, let port):
            let address = Listener.Address.tcp(host: self.literal(host), port: port)
            do throws(TransportError) {
                let socket = try BoundSocket(address)
                guard case .tcp(_, let bound) = socket.address else { return (url, socket) }
                return (url.with(port: bound), socket)
            } catch {
                throw self.failure(url, error)
            }
        }
    }

    /// The address that a host stands for; `localhost` is the IPv4 one, as in Go.
    package static func literal(_ host: String) -> String {
        host == "localhost" ? "127.0.0.1" : host
    }

    private static func directory(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }

    private static func failure(_ url: ListenURL, _ error: TransportError) -> StartError {
        switch error {
        case .addressInUse: self.failure(url, "it is in use")
        case .notASocket: self.failure(url, "there is a file that is no socket")
        case .cannotListen(_, let reason), .cannotStart(let reason): self.failure(url, reason)
        }
    }

    private static func failure(_ url: ListenURL, _ reason: String) -> StartError {
        StartError("cannot listen on \(url): \(reason)")
    }
}
