sed -i 's/^SITE=.*/SITE=/' /root/gitops/erp-one.env
erp up -d
