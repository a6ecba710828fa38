# SPDX-License-Identifier: ISC
#
#	make install DESTDIR= PREFIX=/usr/local
#	make uninstall		the same variables; exactly what was installed
#
# Files are named by the places of the default PREFIX; at installation these
# are replaced by the places asked for.

INSTALL ?=	install

EXAMPLES =	$(DOCDIR)/examples

# MODE:SOURCE:DESTINATION
INSTALL_PROGS =	\
	755:$(O)/mailwalld:$(SBINDIR)/mailwalld \
	755:$(O)/mailwallctl:$(SBINDIR)/mailwallctl \
	755:$(O)/mailwall-proxy:$(LIBEXECDIR)/mailwall-proxy \
	755:$(O)/mailwall-parser:$(LIBEXECDIR)/mailwall-parser \
	755:$(O)/mailwall-scanner:$(LIBEXECDIR)/mailwall-scanner \
	755:$(O)/mailwall-store:$(LIBEXECDIR)/mailwall-store
INSTALL_TEXTS =	\
	755:etc/mailwall-firewall:$(SBINDIR)/mailwall-firewall \
	644:master/mailwalld.8:$(MANDIR)/man8/mailwalld.8 \
	644:ctl/mailwallctl.8:$(MANDIR)/man8/mailwallctl.8 \
	644:etc/mailwallctl.bash:$(BASHDIR)/mailwallctl \
	644:parser/mailwall-anomalies.7:$(MANDIR)/man7/mailwall-anomalies.7 \
	644:master/mailwall.conf.5:$(MANDIR)/man5/mailwall.conf.5 \
	644:etc/mailwall-firewall.8:$(MANDIR)/man8/mailwall-firewall.8 \
	644:etc/mailwall.service:$(UNITDIR)/mailwall.service \
	644:etc/mailwall-firewall.service:$(UNITDIR)/mailwall-firewall.service \
	644:etc/mailwall.sysusers:$(SYSUSERSDIR)/mailwall.conf \
	644:etc/mailwall.tmpfiles:$(TMPFILESDIR)/mailwall.conf \
	644:etc/mailwall-dashboard.json:$(EXAMPLES)/mailwall-dashboard.json \
	644:etc/mailwall-alerts.yml:$(EXAMPLES)/mailwall-alerts.yml \
	644:etc/mailwall.logrotate:$(EXAMPLES)/mailwall.logrotate
# The administrator's: never written over.
INSTALL_CONFS =	\
	644:etc/mailwall.conf.example:$(SYSCONFDIR)/mailwall.conf \
	644:etc/firewall.conf.example:$(SYSCONFDIR)/firewall.conf \
	644:etc/spamwords.example:$(SYSCONFDIR)/spamwords \
	644:etc/mailwall-block.nft:$(SYSCONFDIR)/mailwall-block.nft

INSTALL_SUB =	-e 's|/usr/local/sbin|$(SBINDIR)|g' \
		-e 's|/usr/local/libexec/mailwall|$(LIBEXECDIR)|g' \
		-e 's|/usr/local/share/doc/mailwall|$(DOCDIR)|g' \
		-e 's|/etc/mailwall|$(SYSCONFDIR)|g' \
		-e 's|/run/mailwall|$(RUNDIR)|g' \
		-e 's|/var/lib/mailwall|$(STATEDIR)|g'

# Programs know some of the places: what names them is compiled again when
# they change, or "make && make install PREFIX=/usr" would install programs
# that look for each other elsewhere.
$(O)/.places: places-check
	@mkdir -p $(@D)
	@echo '$(SYSCONFDIR) $(LIBEXECDIR) $(RUNDIR) $(STATEDIR)' >$@.new
	@if cmp -s $@.new $@; then rm $@.new; else mv $@.new $@; fi
.PHONY: places-check
places-check:

PLACED =	$(shell grep -lE 'SYSCONFDIR|LIBEXECDIR|RUNDIR|STATEDIR' \
		    $(addsuffix /*.c,common $(PROCS)))
$(PLACED:%.c=$(O)/%.o): $(O)/.places

# Words of MODE:SOURCE:DESTINATION as $$1 $$2 $$3.
install_each =	set -e; for f in $(1); do \
			mode=$${f%%:*}; f=$${f\#*:}; \
			src=$${f%:*}; dst=$(DESTDIR)$${f\#\#*:};

.PHONY: install uninstall
install: all
	@$(call install_each,$(INSTALL_PROGS)) \
		$(INSTALL) -D -m $$mode $$src $$dst; \
	done
	@$(call install_each,$(INSTALL_TEXTS)) \
		$(INSTALL) -D -m $$mode $$src $$dst; \
		sed -i $(INSTALL_SUB) $$dst; \
	done
	@$(call install_each,$(INSTALL_CONFS)) \
		if [ -e $$dst ]; then \
			dst=$(DESTDIR)$(DOCDIR)/$${src##*/}; \
			echo "kept $(SYSCONFDIR); new example: $$dst"; \
		fi; \
		$(INSTALL) -D -m $$mode $$src $$dst; \
		sed -i $(INSTALL_SUB) $$dst; \
	done
	@[ -n "$(DESTDIR)" ] || echo "next: systemd-sysusers &&" \
	    "systemctl daemon-reload, then edit $(SYSCONFDIR)/mailwall.conf"

# Directories are removed when they are ours and empty.
uninstall:
	@$(call install_each,$(INSTALL_PROGS) $(INSTALL_TEXTS)) \
		rm -f $$dst; \
	done
	@$(call install_each,$(INSTALL_CONFS)) \
		rm -f $(DESTDIR)$(DOCDIR)/$${src##*/}; \
		if [ ! -e $$dst ]; then continue; fi; \
		if sed $(INSTALL_SUB) $$src | cmp -s - $$dst; then \
			rm -f $$dst; \
		else \
			echo "kept $$dst, which was changed"; \
		fi; \
	done
	@for d in $(LIBEXECDIR) $(EXAMPLES) $(DOCDIR) $(SYSCONFDIR); do \
		[ ! -d $(DESTDIR)$$d ] || \
		    rmdir --ignore-fail-on-non-empty $(DESTDIR)$$d; \
	done

.PHONY: check-style
check-style:
	regress/style/t_style.sh
