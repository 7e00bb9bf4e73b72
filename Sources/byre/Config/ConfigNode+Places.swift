extension ConfigNode {
    /// A path; a relative one starts at the configuration file's directory.
    func path() throws(ConfigError) -> String {
        let text = try self.text()
        if text.isEmpty { throw self.error("a path is missing") }
        return self.resolved(text)
    }

    /// The text of the file whose path stands here.
    func textOfFile(bytesMax: Int) throws(ConfigError) -> String {
        let path = try self.path()
        do throws(ConfigError) {
            return try ConfigText.read(path, bytesMax: bytesMax)
        } catch {
            throw self.error(error.message)
        }
    }

    private func resolved(_ path: String) -> String {
        guard !path.hasPrefix("/"), let slash = self.file.lastIndex(of: "/") else { return path }
        return self.file[...slash] + path
    }

    /// A place to listen on.
    func listenURL() throws(ConfigError) -> ListenURL {
        let url = try ConfigUnits.value(ListenURL.self, self)
        switch url.place {
        case .host(let host, port: _):
            guard isAddress(host) || host == "localhost" else {
                throw self.error("\(url) must name an IP address or localhost")
            }
            return url
        case .path(let path):
            do {
                return try ListenURL(isTLS: url.isTLS, socketPath: self.resolved(path))
            } catch {
                throw self.error("\"\(url)\" \(error.reason)")
            }
        }
    }
}
